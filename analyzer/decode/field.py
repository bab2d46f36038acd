"""A value in a document together with the way to it: typed access, and complaints in the API's words.

Comes in: plain data of any shape. Goes out: values of the type asked for; what has another type is
reported and left out. "null" is the same as absent, as it is to the API server. The way to a value is
written out only when something is wrong with it, so that reading costs next to nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from analyzer.decode.shown import plain, shown, type_name
from analyzer.diagnostics import Diagnostic, Severity, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analyzer.diagnostics import Step

_QUOTE = {
    bool: "YAML reads unquoted `true`, `yes` and `on` as a boolean: put the value in quotes",
    int: "YAML reads it as a number: put the value in quotes",
    float: "YAML reads it as a number and drops digits, 1.10 becomes 1.1: put the value in quotes",
}
_NO_BREAK = "\u00a0"
_NO_SPACE = re.compile(rf"([A-Za-z0-9][-A-Za-z0-9_./]{{,100}}):(?:{_NO_BREAK}|(?=\S))")
# Longer keys are no field names and no label keys; the span then is that of the object around them.
_LONGEST_STEP = 317
# What a null item of an array of objects becomes.
_GAP: dict[str, Any] = {}


class Problems:
    """All that was found, in the order in which it was found."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []

    def add(self, severity: Severity, code: str, message: str, span: Span | None, hint: str = "") -> None:
        """Note one diagnostic; `hint` says what would be right."""
        self.found.append(Diagnostic(severity=severity, code=code, message=message, span=span, help=hint))

    def of(self, *severities: Severity) -> tuple[Diagnostic, ...]:
        """Return what was found of these severities."""
        return tuple(diagnostic for diagnostic in self.found if diagnostic.severity in severities)


class Field:
    """A value and the step that leads to it from the field around it."""

    __slots__ = ("_parent", "_step", "value")

    def __init__(self, value: Any, parent: Field | None = None, step: Step = "") -> None:
        self.value = value
        self._parent = parent
        self._step = step

    @property
    def span(self) -> Span:
        """The place of the value."""
        steps: list[Step] = []
        field = self
        while (parent := field._parent) is not None:
            steps.append(field._step)
            field = parent
        steps.reverse()
        return field.root.origin.child(*steps)

    @property
    def root(self) -> Root:
        """The field that holds the whole object."""
        field = self
        while field._parent is not None:
            field = field._parent
        assert isinstance(field, Root), "every way through a document starts at its root"
        return field

    @property
    def is_gap(self) -> bool:
        """Whether this is a null item of an array of objects."""
        return self.value is _GAP

    def child(self, step: Step, value: Any = None) -> Field:
        """Return the field at a key or an index, with its value; without one it stands for a gap."""
        return Field(value, self, step)

    def entry(self, key: str, value: Any = None) -> Field:
        """Return the field at a key that the user made up; this one in its place when none could print it."""
        if len(key) <= _LONGEST_STEP and key.isprintable():
            return Field(value, self, key)
        return self.renamed(value)

    def renamed(self, value: Any) -> Field:
        """Return a field at the same place with another value."""
        return Field(value, self._parent, self._step)

    # Typed access to what an object holds. None: absent, null, or reported to be of another type.

    def mapping(self, key: str) -> Field | None:
        """Return a field that holds an object."""
        value = self.value.get(key)
        if value is None:
            return None
        field = Field(value, self, key)
        return field if isinstance(value, dict) or field.wrong_type("object") else None

    def mappings(self, key: str) -> list[Field]:
        """Return the items of an array of objects; a null item is an empty object, as in the API."""
        return self._items(key, dict, "object", _GAP)

    def strings(self, key: str) -> list[Field]:
        """Return the items of an array of strings; a null item is an empty string, as in the API."""
        return self._items(key, str, "string", "")

    def _items(self, key: str, of: type, name: str, gap: Any) -> list[Field]:
        value = self.value.get(key)
        if value is None:
            return []
        array = Field(value, self, key)
        if not isinstance(value, list):
            array.wrong_type("array")
            return []
        items = []
        for index, item in enumerate(value):
            field = Field(gap if item is None else item, array, index)
            if isinstance(field.value, of) or field.wrong_type(name):
                items.append(field)
        return items

    def text(self, key: str) -> str:
        """Return a string; "" when there is none."""
        value = self.value.get(key)
        if isinstance(value, str):
            return value
        if value is not None:
            self.child(key, value).wrong_type("string")
        return ""

    def integer(self, key: str) -> int | None:
        """Return an integer."""
        value = self.value.get(key)
        if value is None or type(value) is int:
            return value
        self.child(key, value).wrong_type("integer")
        return None

    def boolean(self, key: str) -> bool:
        """Return a boolean; False when there is none."""
        value = self.value.get(key)
        if value is not None and not isinstance(value, bool):
            self.child(key, value).wrong_type("boolean")
            return False
        return bool(value)

    # Complaints, in the forms of the API server.

    def error(self, code: str, message: str, hint: str = "") -> None:
        """Note an error at this place."""
        self.root.problems.add(Severity.ERROR, code, message, self.span, hint)

    def warning(self, code: str, message: str, hint: str = "") -> None:
        """Note a warning at this place."""
        self.root.problems.add(Severity.WARNING, code, message, self.span, hint)

    def invalid(self, detail: str, hint: str = "") -> None:
        """Note `Invalid value: <value>: <detail>`."""
        self.error("invalid-value", f"Invalid value: {shown(self.value)}: {detail}", hint)

    def required(self, detail: str = "", hint: str = "") -> None:
        """Note `Required value: <detail>`."""
        self.error("required-value", f"Required value: {detail}" if detail else "Required value", hint)

    def forbidden(self, detail: str, hint: str = "") -> None:
        """Note `Forbidden: <detail>`."""
        self.error("forbidden", f"Forbidden: {detail}", hint)

    def duplicate(self, hint: str = "") -> None:
        """Note `Duplicate value: <value>`."""
        self.error("duplicate-value", f"Duplicate value: {shown(self.value)}", hint)

    def unsupported(self, *supported: str) -> None:
        """Note `Unsupported value: <value>: supported values: ...`, and which one was probably meant."""
        values = ", ".join(f'"{each}"' for each in supported)
        written = (
            self.value.lower() if isinstance(self.value, str) and len(self.value) < _LONGEST_STEP else ""
        )
        alike = [each for each in supported if each.lower() == written]
        hint = f"write `{alike[0]}`: values are case-sensitive" if alike else f"write one of {values}"
        message = f"Unsupported value: {shown(self.value)}: supported values: {values}"
        self.error("unsupported-value", message, hint)

    def wrong_type(self, expected: str, hint: str = "") -> bool:
        """Note that the value has another type than expected; False, so that it serves as a condition."""
        if expected == "string":
            hint = _QUOTE.get(type(self.value), "")
        elif expected == "array":
            hint = "start each item with `- `"
        elif expected == "object":
            hint = _as_object(self.value)
        elif expected == "integer" and isinstance(self.value, str):
            hint = "write the number without quotes"
        message = f"Invalid type: expected {expected}, got {type_name(self.value)}"
        self.error("invalid-type", message, hint)
        return False

    def known(self, known: frozenset[str], misplaced: Mapping[str, str] | None = None) -> None:
        """Note every key that the API does not have here as an error, as strict field validation does.

        `misplaced` says of keys that often stand here by mistake where they belong.
        """
        if not self.value.keys() <= known:
            for name, hint in self._unknown(known, misplaced or {}):
                self.entry(name).error("unknown-field", f"unknown field `{plain(name)}`", hint)

    def read(self, known: frozenset[str]) -> None:
        """Note every key that the API does not have here as a warning.

        For objects of which only a few fields matter: a field of a newer API does not stop the analysis.
        """
        if not self.value.keys() <= known:
            for name, hint in self._unknown(known, {}):
                message = f"unknown field `{plain(name)}` is ignored"
                self.entry(name).warning("unknown-field", message, hint)

    def _unknown(self, known: frozenset[str], misplaced: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yield each unknown key with a hint at what was meant."""
        from difflib import get_close_matches

        for key in self.value:
            if key not in known:
                name = key if isinstance(key, str) else shown(key)
                close = get_close_matches(name[:_LONGEST_STEP], sorted(known), n=1)
                meant = f"did you mean `{close[0]}`?" if close else _enumerated(known)
                yield name, misplaced.get(name) or meant


class Root(Field):
    """A whole object, its place, and where problems with it are noted."""

    __slots__ = ("origin", "problems")

    def __init__(self, value: Any, origin: Span, problems: Problems) -> None:
        self.value = value
        self._parent = None
        self._step = ""
        self.origin = origin
        self.problems = problems

    def renamed(self, value: Any) -> Field:
        """Return the whole object with another value."""
        return Root(value, self.origin, self.problems)


def _as_object(value: Any) -> str:
    """Say what makes an object of a value that is none."""
    if isinstance(value, list):
        return "leave out the `- `: there is one, not a list"
    if isinstance(value, str) and (found := _NO_SPACE.match(value)):
        gap = "a plain space, not a no-break space," if value[found.end() - 1] == _NO_BREAK else "a space"
        return f"YAML needs {gap} behind the colon: `{found[1]}: ...`"
    return "write its fields, each as `name: value`"


def _enumerated(names: frozenset[str]) -> str:
    """List names, those that everybody uses; the long lists of pods and metadata help nobody."""
    if len(names) > 12:
        return "see `kubectl explain`"
    return "known here: " + ", ".join(f"`{name}`" for name in sorted(names))
