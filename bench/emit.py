"""Text of generated documents: plain dictionaries in, YAML or JSON as kubectl writes them out.

Block style for YAML, a v1 List with an indent of four for JSON. Only what documents are made of is known:
dictionaries, lists, strings, integers, booleans and None; a string that YAML would read as something
else is quoted. About ten times as fast as a YAML library, which matters at 100,000 pods.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TextIO

Value = str | int | bool | None | Mapping[str, "Value"] | list["Value"]
Document = Mapping[str, Value]


class Shared(dict[str, "Value"]):
    """A mapping that many documents have in common: never changed, its text made once for each indent."""

    __slots__ = ("texts",)

    def __init__(self, entries: Mapping[str, Value]) -> None:
        super().__init__(entries)
        self.texts: dict[str, str] = {}


PLAIN = re.compile(r"[A-Za-z/_][A-Za-z0-9/_.-]*|[0-9]+(\.[0-9]+){3}(/[0-9]+)?")
WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


@lru_cache(maxsize=1 << 16)
def quoted(text: str) -> str:
    """Return `text` as a YAML scalar that reads back as the same string."""
    if PLAIN.fullmatch(text) and text.lower() not in WORDS:
        return text
    return json.dumps(text)


def scalar(value: str | int | None) -> str:
    """Return a leaf as YAML."""
    if isinstance(value, str):
        return quoted(value)
    return json.dumps(value)


def yaml_mapping(mapping: Mapping[str, Value], indent: str) -> str:
    """Return the entries of a mapping, each line led by `indent`."""
    if isinstance(mapping, Shared):
        if indent not in mapping.texts:
            mapping.texts[indent] = yaml_mapping(dict(mapping), indent)
        return mapping.texts[indent]
    lines = []
    for key, value in mapping.items():
        head = f"{indent}{quoted(key)}:"
        if isinstance(value, Mapping) and value:
            lines.append(f"{head}\n{yaml_mapping(value, indent + '  ')}")
        elif isinstance(value, list) and value:
            lines.append(f"{head}\n{yaml_sequence(value, indent)}")
        else:
            lines.append(f"{head} {leaf(value)}\n")
    return "".join(lines)


def yaml_sequence(items: list[Value], indent: str) -> str:
    """Return the items of a sequence, each led by `indent` and a dash, as kubectl aligns them."""
    lines = []
    for item in items:
        if isinstance(item, Mapping) and item:
            inner = yaml_mapping(item, indent + "  ")
            lines.append(f"{indent}- {inner[len(indent) + 2 :]}")
        else:
            lines.append(f"{indent}- {leaf(item)}\n")
    return "".join(lines)


def leaf(value: Value) -> str:
    """Return a scalar or an empty collection."""
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, list):
        return "[]"
    return scalar(value)


def write_yaml(documents: Iterable[Document], stream: TextIO) -> None:
    """Write a multi-document YAML stream."""
    separator = ""
    for document in documents:
        stream.write(separator)
        stream.write(yaml_mapping(document, ""))
        separator = "---\n"


def write_json(documents: Iterable[Document], stream: TextIO) -> None:
    """Write one v1 List, as `kubectl get -o json` prints it."""
    stream.write('{\n    "apiVersion": "v1",\n    "items": [\n        ')
    separator = ""
    for document in documents:
        stream.write(separator)
        stream.write(json_value(document, "\n        "))
        separator = ",\n        "
    stream.write('\n    ],\n    "kind": "List",\n    "metadata": {\n')
    stream.write('        "resourceVersion": ""\n    }\n}\n')


def json_value(value: Value, newline: str) -> str:
    """Return `value` as JSON; `newline` is a line break and the indent of what encloses it."""
    if isinstance(value, Shared):
        if newline not in value.texts:
            value.texts[newline] = json_value(dict(value), newline)
        return value.texts[newline]
    inner = newline + "    "
    if isinstance(value, Mapping) and value:
        parts = [f"{string(key)}: {json_value(item, inner)}" for key, item in value.items()]
        return "{" + inner + f",{inner}".join(parts) + newline + "}"
    if isinstance(value, list) and value:
        return "[" + inner + f",{inner}".join([json_value(item, inner) for item in value]) + newline + "]"
    if isinstance(value, str):
        return string(value)
    return leaf(value)


@lru_cache(maxsize=1 << 16)
def string(text: str) -> str:
    """Return `text` as a JSON string."""
    return json.dumps(text)
