"""Objects that are given more than once.

Comes in: what the decoders read of one kind, one after the other. Goes out: each once; a second one that
says the same is left out with a notice, one that says something else is an error, for the cluster can have
only one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from analyzer.diagnostics import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from analyzer.decode.field import Problems
    from analyzer.diagnostics import Span

T = TypeVar("T")


class Register(Generic[T]):
    """The objects of one kind by namespace ("" for kinds that have none) and name, in their order.

    `content` is what two objects are compared by: what they say, but not where it stands.
    """

    def __init__(
        self, kind: str, problems: Problems, content: Callable[[T], object] = lambda given: given
    ) -> None:
        self._objects: dict[tuple[str, str], tuple[T, Span]] = {}
        self._kind = kind
        self._content = content
        self._problems = problems
        self._repeated: list[tuple[str, Span, Span]] = []

    def add(self, namespace: str, name: str, given: T, span: Span) -> None:
        """Take an object in; one without a name was reported already and is left out."""
        key = (namespace, name)
        first = self._objects.get(key)
        if first is None:
            if name:
                self._objects[key] = (given, span)
            return
        shown = f"{namespace}/{name}" if namespace else name
        if self._content(first[0]) == self._content(given):
            self._repeated.append((shown, span, first[1]))
            return
        message = f"{self._kind} `{shown}` is given twice and differs, first at {first[1]}"
        hint = "keep one of them; `kubectl apply` would let the later one win"
        self._problems.add(Severity.ERROR, "duplicate-object", message, span, hint)

    def __iter__(self) -> Iterator[T]:
        """Yield the objects in their order."""
        return (given for given, _ in self._objects.values())

    def with_spans(self) -> Iterable[tuple[T, Span]]:
        """Return the objects in their order, each with its place."""
        return self._objects.values()

    def finish(self) -> None:
        """Note, once for the kind, which objects were given again with the same content."""
        if not self._repeated:
            return
        shown, span, first = self._repeated[0]
        more = len(self._repeated) - 1
        others = f", and so are {more} more" if more else ""
        message = f"{self._kind} `{shown}` is given twice with the same content, first at {first}{others}"
        self._problems.add(Severity.NOTICE, "repeated-object", message, span)
