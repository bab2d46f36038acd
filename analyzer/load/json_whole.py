"""Large JSON texts, read as a whole by orjson, where it is installed, and proved to be read faithfully.

Comes in: a text. Goes out: its value, or None where there is any doubt: then `json_text` reads it, and tells
what is wrong. orjson is silent about keys that stand twice and numbers that it rounds. But if the value,
written again, is the text but for white space, then nothing was lost on the way.
"""

from __future__ import annotations

from analyzer.load import limits
from analyzer.load.text import Parsed, Text

# Characters from which on the import of orjson is worth its time.
LARGE = 1 << 20
_INDENT = 2
# Go writes these so, for the sake of browsers, and orjson as they are.
_ESCAPES = ((b"\\u003c", b"<"), (b"\\u003e", b">"), (b"\\u0026", b"&"))
_ESCAPED = b"\\u00"
_WINDOW = limits.SCALAR_CHARACTERS // 2


def read_whole(text: Text) -> Parsed | None:
    """Return the one value of a text, without the places of its entries; None to have it read with care."""
    try:
        import orjson
    except ImportError:
        return None
    try:
        data = orjson.loads(text.content)
        written = orjson.dumps(data, option=orjson.OPT_INDENT_2)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    if _is_deep(written) or _is_long(written) or _packed(written) != _packed(_plain(text.content.encode())):
        return None
    return Parsed(data=data, start=0, end=len(text.content))


def _is_deep(written: bytes) -> bool:
    """Tell whether a value may have more levels than are read: its text is indented as far."""
    return b"\n" + b" " * (_INDENT * limits.DEPTH) in written


def _is_long(written: bytes) -> bool:
    """Tell whether some text in a value may be too long: a line then fills one of the windows."""
    windows = range(0, len(written) - _WINDOW, _WINDOW)
    return any(written.find(b"\n", start, start + _WINDOW) < 0 for start in windows)


def _plain(written: bytes) -> bytes:
    if _ESCAPED in written:  # looking for it is most of the work
        for escape, character in _ESCAPES:
            written = written.replace(escape, character)
    return written


def _packed(written: bytes) -> bytes:
    """Leave out white space, also that inside texts: what differs still differs."""
    return written.translate(None, b" \t\n\r")
