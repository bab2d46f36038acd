"""What a project wants of lint: `[tool.kubereach.lint]` of pyproject.toml, or `[lint]` of .kubereach.toml.

Comes in: a folder. Goes out: the settings of the nearest file, there or in a folder around it, or an
AnalyzerError about what is wrong with it. A key that is not known is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer.diagnostics import AnalyzerError, Diagnostic, Fixed, Severity, Span
from analyzer.lint.catalogue import meant
from analyzer.load.files import Source, Unreadable, read
from analyzer.load.text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

OWN = ".kubereach.toml"
SHARED = "pyproject.toml"
KEYS = ("select", "ignore", "fail-on")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Settings, () and None where the file does not say; `file` is "" when there is none."""

    file: str = ""
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: Severity | None = None


def find(folder: Path) -> Configuration:
    """Return the settings for who works in a folder."""
    for each in (folder, *folder.parents):
        for name in (OWN, SHARED):
            file = each / name
            if file.is_file() and (found := _read(file, folder)) is not None:
                return found
    return Configuration()


def _read(file: Path, folder: Path) -> Configuration | None:
    """Read one file; None when it has no table for lint."""
    import tomllib

    name = str(file.relative_to(folder)) if file.is_relative_to(folder) else str(file)
    try:
        text = read(Source(path=str(file), name=name)).decode()
        data = tomllib.loads(text)
    except (Unreadable, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        if file.name == SHARED:
            return None  # somebody else's to mend
        if isinstance(error, Unreadable):
            raise AnalyzerError(error.diagnostic) from None
        raise _error(name, "", f"it cannot be read: {error}") from None
    if file.name == OWN:
        _known(data, ("lint",), name, text)
        table = data.get("lint", {})
    else:
        tool = data.get("tool", {})
        ours = tool.get("kubereach") if isinstance(tool, dict) else None
        if ours is None:
            return None
        _known(ours, ("lint",), name, text)
        table = ours.get("lint", {})
    return _settings(table, name, text)


def _settings(table: Any, name: str, text: str) -> Configuration:
    _known(table, KEYS, name, text)
    fail_on = table.get("fail-on")
    levels = {each.value: each for each in Severity}
    if fail_on is not None and fail_on not in levels:
        raise _error(
            name, text, f"`fail-on` is {shown(str(fail_on))}", f"write one of {', '.join(levels)}", "fail-on"
        )
    return Configuration(
        file=name,
        select=_words(table, "select", name, text),
        ignore=_words(table, "ignore", name, text),
        fail_on=levels[fail_on] if fail_on else None,
    )


def _words(table: dict[str, Any], key: str, name: str, text: str) -> tuple[str, ...]:
    found = table.get(key, [])
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise _error(name, text, f"`{key}` must be a list of codes", f'write {key} = ["KR101"]', key)
    for word in found:
        try:
            meant(word)
        except AnalyzerError as error:
            told = error.diagnostics[0]
            raise _error(name, text, told.message, told.help, key) from None
    return tuple(found)


def _known(table: Any, keys: Sequence[str], name: str, text: str) -> None:
    """Raise an error about the keys of a table that are not known."""
    if not isinstance(table, dict):
        raise _error(name, text, "a table is expected here", f"write [{keys[0]}]", keys[0])
    from difflib import get_close_matches

    for key in table:
        if key not in keys:
            close = get_close_matches(key, keys, n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"there is {', '.join(keys)}"
            raise _error(name, text, f"unknown key {shown(key)}", hint, key)


def _error(name: str, text: str, message: str, hint: str = "", key: str = "") -> AnalyzerError:
    line = next(
        (n for n, each in enumerate(text.splitlines(), 1) if key and key in each.partition("=")[0]), 1
    )
    span = Span(name, (), Fixed(line))
    return AnalyzerError(
        Diagnostic(severity=Severity.ERROR, code="configuration", message=message, span=span, help=hint)
    )
