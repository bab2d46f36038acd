"""Where the fields of an object stand in the file it came from, found when somebody wants to see it.

Comes in: a text, the part of it that an object was read from, and a field path. Goes out: line and column.
Reading keeps no positions: nearly all of them are never shown. What is asked for is found by reading the one
object again.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

from analyzer.diagnostics import FieldPath
from analyzer.load.text import Text
from analyzer.record import record

if TYPE_CHECKING:
    from analyzer.load.yaml_places import Place


class Syntax(Enum):
    """The language of a text."""

    JSON = "json"
    YAML = "yaml"


@record(kw_only=True, eq=False)
class Origin:
    """The part of a text that an object was read from; it is at `prefix` of the value that stands there."""

    text: Text
    syntax: Syntax
    start: int
    end: int
    prefix: FieldPath = ()

    def locate(self, path: FieldPath) -> tuple[int, int]:
        """Return line and column (both from 1) of the field at `path`, or of its nearest ancestor.

        A field stands where its key starts, an entry of a list where its first word starts.
        """
        whole = self.prefix + path
        if self.syntax is Syntax.YAML:
            return self.text.position(_places(self.text, self.start, self.end).find(whole))
        from analyzer.load.json_text import locate

        return self.text.position(locate(self.text, self.start, whole))


@lru_cache(maxsize=1024)
def _places(text: Text, start: int, end: int) -> Place:
    """Return the places of an object's fields; those of the last few objects are kept."""
    from analyzer.load.yaml_places import places

    return places(text.content, start, end)
