"""Values become documents: one for each Kubernetes object, those inside lists included.

Comes in: what a text holds. Goes out: a `Document` for each object, a diagnostic for each thing that looks
like one and is not, and whether there are values that have nothing to do with Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from analyzer.diagnostics import Diagnostic, FieldPath, Fixed, Locator, Severity, Span
from analyzer.load import limits
from analyzer.load.positions import Origin, Syntax
from analyzer.load.text import Parsed, Problem, Text, shown, too_many
from analyzer.record import record

# Of objects of other kinds only what names them is kept. What is wrong with them is told, but as a warning:
# no verdict depends on it.
KINDS_READ = frozenset(
    {
        "AdminNetworkPolicy",
        "BaselineAdminNetworkPolicy",
        "CiliumClusterwideNetworkPolicy",
        "CiliumNetworkPolicy",
        "Cluster",
        "ClusterNetworkPolicy",
        "CronJob",
        "DaemonSet",
        "Deployment",
        "EndpointSlice",
        "Endpoints",
        "Expectations",
        "GRPCRoute",
        "Gateway",
        "GatewayClass",
        "GlobalNetworkPolicy",
        "GlobalNetworkSet",
        "HTTPRoute",
        "IPPool",
        "Ingress",
        "IngressClass",
        "Job",
        "Namespace",
        "NetworkPolicy",
        "NetworkSet",
        "Node",
        "Pod",
        "ReferenceGrant",
        "ReplicaSet",
        "ReplicationController",
        "Service",
        "ServiceAccount",
        "StatefulSet",
        "TCPRoute",
        "TLSRoute",
        "Tier",
        "UDPRoute",
    }
)
_NAMING = ("apiVersion", "kind", "metadata")
# The larger half of a pod in a dump; nothing of it bears on who reaches it.
_UNREAD_STATUS = ("conditions", "containerStatuses", "ephemeralContainerStatuses", "initContainerStatuses")


@record(eq=False)
class Document:
    """One Kubernetes object as it was written: `data` holds plain dicts, lists, texts, numbers, booleans.

    `source` is the file's name as the user gave it, or as it was found below a folder. Documents share
    values: treat `data` as read-only.
    """

    data: dict[str, object]
    source: str
    origin: Locator = field(default=Fixed(), repr=False)

    def locate(self, path: FieldPath) -> tuple[int, int]:
        """Return line and column (both from 1) of the field at `path`, or of its nearest ancestor."""
        return self.origin.locate(path)

    @property
    def span(self) -> Span:
        """The whole object; `span.child("spec", "ingress")` is a field of it."""
        return Span(self.source, (), self)

    @property
    def kind(self) -> str:
        """The field `kind`, "" when there is none."""
        return _text(self.data, "kind")

    @property
    def api_version(self) -> str:
        """The field `apiVersion`, "" when there is none."""
        return _text(self.data, "apiVersion")

    @property
    def name(self) -> str:
        """The field `metadata.name`, "" when there is none."""
        return _text(self.data.get("metadata"), "name")

    @property
    def namespace(self) -> str:
        """The field `metadata.namespace`, "" when there is none."""
        return _text(self.data.get("metadata"), "namespace")


def _text(data: object, key: str) -> str:
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, str) else ""


@dataclass(slots=True)
class Contents:
    """What one text holds: objects, what is to be said about it, and values that are not Kubernetes'."""

    documents: list[Document] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    strangers: bool = False


class _Value(NamedTuple):
    """A value that may be an object, and the problems found in it."""

    data: object
    origin: Origin
    problems: Sequence[Problem]


def contents(
    values: Iterable[Parsed],
    text: Text,
    syntax: Syntax,
    source: str,
    *,
    strict: bool,
    everything: bool = False,
) -> Contents:
    """Return what a text holds.

    When it was named by the user (`strict`), or when a part of it is Kubernetes', all of it must be: a value
    without a kind then is an error. Otherwise it is something else that lies in the same folder. With
    `everything`, objects of kinds that decide no verdict are kept whole too, and what is wrong with them is
    an error: an API server takes no field twice (`fieldValidation: Strict`).
    """
    made = Contents()
    waiting: list[Parsed] = []
    for parsed in values:
        made.diagnostics += [p.diagnostic(source, text) for p in parsed.problems if p.fatal]
        waiting.append(parsed)
        strict = strict or _holds_one_meant(parsed.data)
        if strict:
            for value in _values(waiting, text, syntax):
                if len(made.diagnostics) > limits.FILE_PROBLEMS:
                    break
                _add(value, text, source, made, everything=everything)
            waiting = []
        if len(made.diagnostics) > limits.FILE_PROBLEMS:
            made.diagnostics.append(too_many(parsed.end).diagnostic(source, text))
            break
    made.strangers = any(True for _ in _values(waiting, text, syntax))
    made.diagnostics.sort(key=_place)
    return made


def _values(found: Iterable[Parsed], text: Text, syntax: Syntax) -> Iterator[_Value]:
    """Yield the values of some texts that may be objects."""
    for parsed in found:
        problems = [p for p in parsed.problems if not p.fatal]
        if parsed.data is not None or problems:
            origin = Origin(text=text, syntax=syntax, start=parsed.start, end=parsed.end)
            yield from _flat(parsed.data, origin, problems, parsed.items)


def _place(diagnostic: Diagnostic) -> tuple[int, int]:
    return (diagnostic.span.line, diagnostic.span.column) if diagnostic.span else (0, 0)


def _flat(
    data: Any, origin: Origin, problems: Sequence[Problem], starts: tuple[int, ...] = ()
) -> Iterator[_Value]:
    """Yield the objects of a value: the value itself, or the entries of a list as kubectl prints it."""
    entries = _entries(data)
    if entries is None:
        yield _Value(data, origin, problems)
        return
    own = [p for p in problems if p.path[:1] != ("items",) or len(p.path) < 2]
    if own:
        yield _Value(None, origin, own)
    ends = (*starts[1:], origin.end)
    placed = len(starts) == len(entries)
    # As few calls as can be: there may be 100,000 of them.
    for number, each in enumerate(_as_stated(data, entries)):
        inner = Origin(
            text=origin.text,
            syntax=origin.syntax,
            start=starts[number] if placed else origin.start,
            end=ends[number] if placed else origin.end,
            prefix=() if placed else (*origin.prefix, "items", number),
        )
        told = [replace(p, path=p.path[2:]) for p in problems if p.path[:2] == ("items", number)]
        if _entries(each) is None:
            yield _Value(each, inner, told)
        else:
            yield from _flat(each, inner, told)


def _entries(data: object) -> list[object] | None:
    """Return the entries of a list (kind `List`, `PodList`, ...), None when it is none.

    An object that is only called so, such as an `IPAllowList`, has no `items`.
    """
    kind = _text(data, "kind")
    if not isinstance(data, dict) or not kind.endswith("List") or (kind != "List" and "items" not in data):
        return None
    entries = data.get("items")
    return [] if entries is None else entries if isinstance(entries, list) else None


def _as_stated(listed: Any, entries: list[object]) -> Iterable[object]:
    """Return the entries with the kind and version that a list such as PodList states once for all."""
    kind = _text(listed, "kind").removesuffix("List")
    if not kind:
        return entries
    stated = {"apiVersion": listed.get("apiVersion"), "kind": kind}
    return ({**stated, **each} if isinstance(each, dict) and "kind" not in each else each for each in entries)


def _holds_one_meant(data: Any) -> bool:
    """Return whether somebody meant a value, or one of the entries of a list, to be a Kubernetes object."""
    entries = _entries(data)
    if entries is None:
        return _meant(data)
    return any(map(_holds_one_meant, _as_stated(data, entries)))


def _meant(data: object) -> bool:
    """Return whether somebody meant a value to be a Kubernetes object."""
    if not isinstance(data, dict):
        return False
    named = ("kind" in data) + ("apiVersion" in data)
    return named == 2 or (named == 1 and ("metadata" in data or "spec" in data))


def _add(value: _Value, text: Text, source: str, made: Contents, *, everything: bool) -> None:
    kind = _text(value.data, "kind")
    if value.problems:
        matters = everything or kind in KINDS_READ or not kind
        severity = Severity.ERROR if matters else Severity.WARNING
        made.diagnostics += [problem.diagnostic(source, text, severity) for problem in value.problems]
    if fault := _fault(value.data):
        code, message, remedy = fault
        span = Span(source, (), value.origin)
        made.diagnostics.append(
            Diagnostic(severity=Severity.ERROR, code=code, message=message, span=span, help=remedy)
        )
    elif isinstance(value.data, dict):
        made.documents.append(Document(_kept(value.data, kind, everything=everything), source, value.origin))


def _fault(data: object) -> tuple[str, str, str] | None:
    """Return code, message and help of what keeps a value from being an object, None when it is one."""
    if data is None:
        return None
    if not isinstance(data, dict):
        found = "a list" if isinstance(data, list) else shown(str(data))
        return "not-an-object", f"{found} is no Kubernetes object", "separate objects by a line `---`"
    missing = [f"`{name}`" for name in ("apiVersion", "kind") if not _text(data, name)]
    if missing:
        remedy = "an object starts like this: `apiVersion: networking.k8s.io/v1`, `kind: NetworkPolicy`"
        return "no-kind", f"{' and '.join(missing)} must be given, as text", remedy
    if data["kind"] == "List":
        return "not-a-list", "`items` is no list", "put the objects below `items:`, each after a dash"
    return None


def _kept(data: dict[str, Any], kind: str, *, everything: bool) -> dict[str, object]:
    """Return an object without what nobody reads, which is most of a dump."""
    metadata, status = data.get("metadata"), data.get("status")
    if isinstance(metadata, dict):
        metadata.pop("managedFields", None)
    if kind == "Pod" and isinstance(status, dict):
        for name in _UNREAD_STATUS:
            status.pop(name, None)
    if everything or kind in KINDS_READ:
        return data
    return {name: data[name] for name in _NAMING if name in data}
