"""A value in a document together with the way to it: typed access, and complaints in the API's words.

Comes in: plain data of any shape. Goes out: values of the type asked for; what has another type is
reported and left out. "null" is the same as absent, as it is to the API server. The way to a value is
written out only when something is wrong with it, so that reading costs next to nothing.
"""

from __future__ import annotations

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
    """A value, the step that leads to it from `parent`, and where its problems are noted."""

    __slots__ = ("_origin", "_parent", "_step", "problems", "value")

    def __init__(
        self, value: Any, problems: Problems, origin: Span, parent: Field | None = None, step: Step = ""
    ) -> None:
        self.value = value
        self.problems = problems
        self._origin = origin
        self._parent = parent
        self._step = step

    @property
    def span(self) -> Span:
        """The place of the value."""
        steps: list[Step] = []
        field = self
        while field._parent is not None:
            if isinstance(field._step, str) and not _addressable(field._step):
                steps.clear()
            else:
                steps.append(field._step)
            field = field._parent
        return self._origin.child(*reversed(steps))

    @property
    def is_gap(self) -> bool:
        """Whether this is a null item of an array of objects."""
        return self.value is _GAP

    def child(self, step: Step, value: Any = None) -> Field:
        """Return the field at a key or an index, with its value; without one it stands for a gap."""
        return Field(value, self.problems, self._origin, self, step)

    # Typed access to what an object holds. None: absent, null, or reported to be of another type.

    def get(self, key: str) -> Field | None:
        """Return a field of any type."""
        value = self.value.get(key)
        return None if value is None else Field(value, self.problems, self._origin, self, key)

    def object(self, key: str) -> Field | None:
        """Return a field that holds an object."""
        value = self.value.get(key)
        if value is None:
            return None
        field = Field(value, self.problems, self._origin, self, key)
        return field if isinstance(value, dict) or field.wrong_type("object") else None

    def objects(self, key: str) -> list[Field]:
        """Return the items of an array of objects; a null item is an empty object, as in the API."""
        items = []
        for item in self._array(key):
            if item.value is None:
                item.value = _GAP
            if isinstance(item.value, dict) or item.wrong_type("object"):
                items.append(item)
        return items

    def strings(self, key: str) -> list[Field]:
        """Return the items of an array of strings; a null item is an empty string, as in the API."""
        items = []
        for item in self._array(key):
            if item.value is None:
                item.value = ""
            if isinstance(item.value, str) or item.wrong_type("string"):
                items.append(item)
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

    def _array(self, key: str) -> list[Field]:
        value = self.value.get(key)
        if value is None:
            return []
        field = Field(value, self.problems, self._origin, self, key)
        if not isinstance(value, list):
            field.wrong_type("array")
            return []
        return [Field(item, self.problems, self._origin, field, i) for i, item in enumerate(value)]

    # Complaints, in the forms of the API server.

    def error(self, code: str, message: str, hint: str = "") -> None:
        """Note an error at this place."""
        self.problems.add(Severity.ERROR, code, message, self.span, hint)

    def warning(self, code: str, message: str, hint: str = "") -> None:
        """Note a warning at this place."""
        self.problems.add(Severity.WARNING, code, message, self.span, hint)

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

    def wrong_type(self, expected: str) -> bool:
        """Note that the value has another type than expected; False, so that it serves as a condition."""
        hint = _QUOTE.get(type(self.value), "") if expected == "string" else ""
        if expected == "array":
            hint = "start each item with `- `"
        elif expected == "object" and isinstance(self.value, list):
            hint = "leave out the `- `: there is one, not a list"
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
                self.child(name).error("unknown-field", f"unknown field `{plain(name)}`", hint)

    def read(self, known: frozenset[str]) -> None:
        """Note every key that the API does not have here as a warning.

        For objects of which only a few fields matter: a field of a newer API does not stop the analysis.
        """
        if not self.value.keys() <= known:
            for name, hint in self._unknown(known, {}):
                message = f"unknown field `{plain(name)}` is ignored"
                self.child(name).warning("unknown-field", message, hint)

    def _unknown(self, known: frozenset[str], misplaced: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yield each unknown key with a hint at what was meant."""
        from difflib import get_close_matches

        for key in self.value:
            if key not in known:
                name = key if isinstance(key, str) else shown(key)
                close = get_close_matches(name[:_LONGEST_STEP], sorted(known), n=1)
                meant = f"did you mean `{close[0]}`?" if close else f"known here: {_enumerated(known)}"
                yield name, misplaced.get(name) or meant


def _addressable(step: str) -> bool:
    return len(step) <= _LONGEST_STEP and step.isprintable()


def _enumerated(names: frozenset[str]) -> str:
    """List names, those that everybody uses; the long lists of pods and metadata help nobody."""
    return ", ".join(f"`{name}`" for name in sorted(names)) if len(names) <= 12 else "see `kubectl explain`"
