"""The rules for names: of objects, labels and ports, in the words of the API server.

Comes in: a name. Goes out: what is wrong with it, one sentence each, none when nothing is. Source of the
rules and their wording: k8s.io/apimachinery, pkg/api/validate/content and pkg/util/validation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache

Rule = Callable[[str], tuple[str, ...]]

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_KEY})?"
_KEY_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric"
    f" character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_KEY}')"
)
# What other programs replace before they apply a manifest: `${A}`, `$(A)`, `$A`, `{{ .A }}`, `<a>`.
_PLACEHOLDER = re.compile(r"\$[{(A-Za-z_]|\{\{|<[A-Za-z]")


def subdomain(name: str) -> tuple[str, ...]:
    """Judge the name of most objects: an RFC 1123 subdomain."""
    if len(name) <= 253 and _matches(_SUBDOMAIN, name):
        return ()
    return _judged(
        name,
        253,
        _SUBDOMAIN,
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and"
        " must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation"
        f" is '{_SUBDOMAIN}')",
    )


@lru_cache(maxsize=4096)
def label(name: str) -> tuple[str, ...]:
    """Judge the name of a namespace or of a port of a Service: an RFC 1123 label."""
    dotted = not _matches(_LABEL, name) and _matches(_SUBDOMAIN, name)
    return _judged(
        name,
        63,
        _LABEL,
        "must not contain dots"
        if dotted
        else "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must"
        " start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for"
        f" validation is '{_LABEL}')",
    )


@lru_cache(maxsize=4096)
def label_1035(name: str) -> tuple[str, ...]:
    """Judge the name of a Service before Kubernetes 1.36: an RFC 1035 label, which starts with a letter."""
    return _judged(
        name,
        63,
        _LABEL_1035,
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic"
        " character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for"
        f" validation is '{_LABEL_1035}')",
    )


@lru_cache(maxsize=4096)
def label_key(key: str) -> tuple[str, ...]:
    """Judge a label key: an optional DNS prefix and `/`, then a name of at most 63 characters."""
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        optional = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return (f"a valid label key {_KEY_RULE}{optional}",)
    found = []
    if slash:
        found += ["prefix part must be non-empty"] if not prefix else _each("prefix part ", subdomain(prefix))
    if not name:
        return (*found, "name part must be non-empty")
    return (*found, *_each("name part ", _judged(name, 63, _KEY, _KEY_RULE)))


@lru_cache(maxsize=65536)
def label_value(value: str) -> tuple[str, ...]:
    """Judge a label value: at most 63 characters, may be empty."""
    return _judged(
        value,
        63,
        _VALUE,
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and"
        " must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345',"
        f" regex used for validation is '{_VALUE}')",
    )


@lru_cache(maxsize=4096)
def port_name(name: str) -> tuple[str, ...]:
    """Judge the name of a port: an IANA service name (RFC 6335) in lower case."""
    rules = (
        (len(name.encode("utf-8", "replace")) <= 15, "must be no more than 15 characters"),
        (
            _matches("[-a-z0-9]+", name),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (any("a" <= c <= "z" for c in name), "must contain at least one letter (a-z)"),
        ("--" not in name, "must not contain consecutive hyphens"),
        (not (name.startswith("-") or name.endswith("-")), "must not begin or end with a hyphen"),
    )
    return tuple(message for kept, message in rules if not kept)


def mended(name: str, rule: Rule) -> str:
    """Return a hint at a valid name like this one, "" when there is none near."""
    cut = name[:253].strip()
    if _PLACEHOLDER.search(cut):
        return "this looks like a placeholder: put in what it stands for, and analyze what comes out"
    for near in (re.sub("[^-A-Za-z0-9_.]+", "-", cut), re.sub("[^a-z0-9]+", "-", cut.lower())):
        stripped = near.strip("-_.")
        if stripped and not rule(stripped):
            return f"`{stripped}` would be valid"
    return ""


def _judged(text: str, longest: int, pattern: str, rule: str) -> tuple[str, ...]:
    """Apply the two rules that every name has: a length in bytes and a pattern."""
    kept = _matches(pattern, text)
    if kept and len(text) <= longest:
        return ()
    length = len(text.encode("utf-8", "replace"))
    too_long = (f"must be no more than {longest} bytes",) if length > longest else ()
    return too_long if kept else (*too_long, rule)


def _each(prefix: str, messages: tuple[str, ...]) -> list[str]:
    return [prefix + message for message in messages]


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _matches(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None
