"""Sets of small integers as Python integers: bit i is member i.

Comes in: indices. Goes out: bitmaps, whose union, intersection and count are single operations of the
interpreter, fast enough for ten thousand classes under ten thousand policies without an array library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from analyzer.selectors import Operator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from analyzer.selectors import Requirement, Selector

Bitmap = int


def bitmap(members: Iterable[int]) -> Bitmap:
    """Return the bitmap of some indices."""
    ordered = sorted(members)
    if not ordered:
        return 0
    packed = bytearray((ordered[-1] >> 3) + 1)
    for member in ordered:
        packed[member >> 3] |= 1 << (member & 7)
    return int.from_bytes(packed, "little")


def members(bits: Bitmap) -> Iterator[int]:
    """Yield the indices in a bitmap, ascending."""
    if bits.bit_count() < 16:
        while bits:
            low = bits & -bits
            yield low.bit_length() - 1
            bits ^= low
        return
    text = bin(bits)[:1:-1]
    found = text.find("1")
    while found >= 0:
        yield found
        found = text.find("1", found + 1)


def lowest(bits: Bitmap) -> int:
    """Return the smallest index of a bitmap that is not empty."""
    return (bits & -bits).bit_length() - 1


class Weights:
    """Counts with a weight for each index: one population count a binary digit of the weights."""

    __slots__ = ("_planes",)

    def __init__(self, weights: Iterable[int]) -> None:
        planes: list[list[int]] = []
        for index, weight in enumerate(weights):
            for digit in range(weight.bit_length()):
                if digit == len(planes):
                    planes.append([])
                if weight >> digit & 1:
                    planes[digit].append(index)
        self._planes = tuple(bitmap(plane) for plane in planes)

    def count(self, bits: Bitmap) -> int:
        """Return the sum of the weights of the members."""
        return sum((bits & plane).bit_count() << digit for digit, plane in enumerate(self._planes))


class LabelIndex:
    """Which members of a population carry a label, so that a selector is a few bitmap operations."""

    __slots__ = ("_cache", "_everybody", "_keys", "_values")

    def __init__(self, population: Iterable[tuple[int, Mapping[str, str]]]) -> None:
        by_value: dict[tuple[str, str], list[int]] = {}
        everybody: list[int] = []
        for index, labels in population:
            everybody.append(index)
            for label in labels.items():
                by_value.setdefault(label, []).append(index)
        self._everybody = bitmap(everybody)
        self._values = {label: bitmap(indices) for label, indices in by_value.items()}
        self._keys: dict[str, Bitmap] = {}
        for (key, _), bits in self._values.items():
            self._keys[key] = self._keys.get(key, 0) | bits
        self._cache: dict[Selector, Bitmap] = {}

    def select(self, selector: Selector) -> Bitmap:
        """Return the members that a selector matches."""
        if (found := self._cache.get(selector)) is None:
            found = self._everybody
            for requirement in selector.requirements:
                found &= self._meet(requirement)
            self._cache[selector] = found
        return found

    def _meet(self, requirement: Requirement) -> Bitmap:
        key = requirement.key
        match requirement.operator:
            case Operator.IN:
                return self._having(key, requirement.values)
            case Operator.NOT_IN:
                return self._everybody & ~self._having(key, requirement.values)
            case Operator.EXISTS:
                return self._keys.get(key, 0)
            case Operator.DOES_NOT_EXIST:
                return self._everybody & ~self._keys.get(key, 0)
            case never:
                assert_never(never)

    def _having(self, key: str, values: Iterable[str]) -> Bitmap:
        found = 0
        for value in values:
            found |= self._values.get((key, value), 0)
        return found
