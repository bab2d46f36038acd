"""Plain words of YAML become values: null, booleans, numbers, and text, as the API server reads them.

Comes in: the text of one scalar, and its tag if it has one. Goes out: a value that JSON can hold. The rules
are those of YAML 1.1 as sigs.k8s.io/yaml applies them before kubectl sends JSON: `y`, `on` and `010` are no
text, timestamps and base 60 numbers are.
"""

from __future__ import annotations

import math
import re

from analyzer.load import limits
from analyzer.load.text import shown

# Words that are no text when they stand unquoted.
WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_NO_NUMBERS = frozenset(
    [*(sign + word for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")), ".nan", ".NaN", ".NAN"]
)
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII)
_BASES = ((2, 16), (3, 2), (4, 8), (5, 10))
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_CORE = "tag:yaml.org,2002:"
_SHORT = 19  # digits that always fit in 64 bits
_WHOLE = 1e21  # from here on Go writes a float64 with an exponent, below it a whole one like an integer


class BadScalarError(ValueError):
    """A scalar that no JSON value stands for: `code` names the kind of problem."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        self.code, self.remedy = code, remedy
        super().__init__(message)


def resolve(text: str) -> str | int | float | bool | None:
    """Return the value of a plain scalar without a tag, or raise BadScalarError."""
    if text in WORDS:
        return WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if text.isdecimal() and text.isascii() and len(text) < _SHORT and (text[0] != "0" or text == "0"):
        return int(text)
    if text in _NO_NUMBERS:
        raise BadScalarError(
            "not-a-number", f"`{text}` is no number that JSON can hold", "quote it if it is text"
        )
    number = _number(text.replace("_", "") if text[0] != "." else text)
    return text if number is None else number


def _number(text: str) -> int | float | None:
    match = _INTEGER.fullmatch(text) or _FLOAT.fullmatch(text)
    if match is None:
        return None
    if len(text) > limits.NUMBER_CHARACTERS:
        raise BadScalarError(
            "number-too-long", f"a number of {len(text)} characters", "quote it if it is text"
        )
    if match.re is _INTEGER:
        return _integer(match)
    value = float(text)
    if math.isinf(value):
        return None
    return int(value) if value.is_integer() and abs(value) < _WHOLE else value


def _integer(match: re.Match[str]) -> int:
    group, base = next((group, base) for group, base in _BASES if match[group] is not None)
    return int(match[1] + match[group], base)


def resolve_tagged(tag: str, text: str) -> str | int | float | bool | None:
    """Return the value of a scalar with a tag of YAML's core (`!!str 80`), or raise BadScalarError."""
    kind = tag.removeprefix(_CORE) if tag.startswith(_CORE) else ""
    if kind in {"str", "timestamp"}:
        return text
    if kind not in {"int", "float", "bool", "null"}:
        message = f"the tag {shown(tag)} is not supported"
        raise BadScalarError("unknown-tag", message, "write a plain value without a tag")
    value = resolve(text)
    found = {bool: "bool", int: "int", float: "float", str: "str"}.get(type(value), "null")
    if found == kind or (found, kind) == ("int", "float"):
        return value
    raise BadScalarError("wrong-tag", f"this is no `!!{kind}`", "leave the tag out")
