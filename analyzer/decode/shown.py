"""How a value of the user's is shown in a message: on one line, in bounded length, as JSON writes it.

Comes in: anything that a document can hold. Goes out: text that is safe to print.
"""

from __future__ import annotations

from typing import Any

LONGEST = 80
# The largest integer of the API has 19 digits; Python refuses to write those of more than 4,300.
LARGEST = 10**19

_WORDS = {True: "true", False: "false", None: "null"}
_TYPES = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}


def type_name(value: Any) -> str:
    """Return JSON's name for the type of a value.

    >>> type_name({})
    'object'
    """
    return _TYPES.get(type(value), type(value).__name__)


def plain(text: str) -> str:
    """Return text without line breaks and control characters, cut after LONGEST characters."""
    cut = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    return cut if cut.isprintable() else "".join(map(_visible, cut))


def shown(value: Any, depth: int = 3) -> str:
    """Return a value as the API server's messages show it: strings in double quotes, the rest as JSON.

    What lies deeper than `depth`, or comes after the first few, is shown as dots.

    >>> shown("tcp"), shown(True), shown(["Ingress"])
    ('"tcp"', 'true', '["Ingress"]')
    """
    match value:
        case str():
            return '"' + plain(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
        case bool() | None:
            return _WORDS[value]
        case int():
            return str(value) if abs(value) < LARGEST else "a number of more than 19 digits"
        case dict() | list():
            return _container(value, depth - 1) if depth else "..."
        case _:
            return plain(str(value))


def _visible(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def _container(value: dict[Any, Any] | list[Any], depth: int) -> str:
    if isinstance(value, list):
        return "[" + _listed([shown(each, depth) for each in _first(value)], value) + "]"
    parts = [f"{shown(key)}:{shown(each, depth)}" for key, each in _first(value.items())]
    return "{" + _listed(parts, value) + "}"


def _first(values: Any) -> list[Any]:
    """Return the first few of many values, so that a huge one costs no more than a small one."""
    from itertools import islice

    return list(islice(values, 5))


def _listed(parts: list[str], whole: Any) -> str:
    text = ",".join(parts if len(parts) == len(whole) else [*parts, "..."])
    return text if len(text) <= 2 * LONGEST else f"{text[: 2 * LONGEST]}..."
