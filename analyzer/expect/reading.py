"""Documents to expectations: all of the format is here, and all that can be wrong with a file.

Comes in: documents of kind Expectations. Goes out: expectations in their order; or an AnalyzerError with
every error of every document, each by file, line, column and field.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from analyzer.decode.addresses import NOT_A_CIDR, cidr
from analyzer.decode.field import Root
from analyzer.decode.labelselector import read_selector
from analyzer.decode.scope import Options, Scope
from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity
from analyzer.expect.expectation import Chosen, Exempt, Expectation, Named, Outside, ToService, Verdict
from analyzer.load.text import shown
from analyzer.selectors import EVERYTHING
from analyzer.sets import AddressSet, PortSet, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analyzer.decode.field import Field
    from analyzer.expect.expectation import End
    from analyzer.load import Document

KIND = "Expectations"
VERSION = "kubereach.dev/v1alpha1"
_GROUP = "kubereach.dev/"
_DOCUMENT = frozenset(("apiVersion", "kind", "metadata", "expectations"))
_METADATA = frozenset(("name", "namespace", "labels", "annotations"))
_EXPECTATION = frozenset(("name", "from", "to", "ports", "verdict", "unless", "reason"))
_EXEMPT = frozenset(("from", "to", "ports"))
_SELECTING = ("namespace", "namespaceSelector", "podSelector")
_END = frozenset(("cidr", "service", *_SELECTING))
_MISPLACED = {
    "source": "write `from`",
    "destination": "write `to`",
    "except": "write `unless`",
    "labels": "labels belong into a selector: `podSelector: {matchLabels: ...}`",
    "matchLabels": "`matchLabels` belongs into `podSelector` or `namespaceSelector`",
    "ipBlock": "write `cidr: 10.0.0.0/8`",
    "external": "write `external` alone, without braces",
}
_FORMS = (
    "write `namespace/name`, `namespace/Kind/name`, `external`, or `{podSelector: ...}`, `{namespace: ...}`, "
    "`{namespaceSelector: ...}`, `{cidr: ...}`"
)
_PORTS = re.compile(r"(ALL|([0-9]{1,5})(?:-([0-9]{1,5}))?)(?:/(TCP|UDP|SCTP))?", re.ASCII)
_PORT_FORMS = "write `80/TCP`, `8000-8100/UDP`, `ALL/SCTP` or `ALL`"
MOST_EXCEPTIONS = 256
"""Exceptions of one expectation: each may part every group of endpoints that the others left."""
_LONGEST = 1000  # of a name: three parts of at most 253 characters, and some for patterns


def is_expectations(document: Document) -> bool:
    """Tell whether a document holds expectations of ours, of whatever version."""
    return document.kind == KIND and document.api_version.startswith(_GROUP)


def only_expectations(documents: Sequence[Document]) -> list[Document]:
    """Return documents of a file of expectations, in which nothing else may be.

    Raises AnalyzerError with all that is something else.
    """
    others = [each for each in documents if not is_expectations(each)]
    if others:
        raise AnalyzerError(
            *(
                Diagnostic(
                    severity=Severity.ERROR,
                    code="no-expectations",
                    message=f"{shown(each.kind)} of {shown(each.api_version)} is no expectation",
                    span=each.span,
                    help=f"a file of expectations has `kind: {KIND}` and nothing else",
                )
                for each in others
            )
        )
    return list(documents)


def read_expectations(
    documents: Iterable[Document],
) -> tuple[tuple[Expectation, ...], tuple[Diagnostic, ...]]:
    """Return the expectations of documents, and warnings. Raises AnalyzerError with all that is wrong."""
    reading = _Reading()
    found = [each for document in documents for each in reading.document(document)]
    problems = reading.scope.problems
    if errors := problems.of(Severity.ERROR):
        raise AnalyzerError(*errors)
    return tuple(found), problems.of(Severity.WARNING)


class _Reading:
    def __init__(self) -> None:
        self.scope = Scope(Options())
        self._names: set[tuple[str, str]] = set()

    def document(self, document: Document) -> list[Expectation]:
        """Read one document."""
        root = Root(document.data, document.span, self.scope.problems)
        root.known(_DOCUMENT)
        if document.api_version != VERSION:
            root.child("apiVersion", document.api_version).unsupported(VERSION)
        if metadata := root.mapping("metadata"):
            metadata.known(_METADATA)
        if root.value.get("expectations") is None:
            root.child("expectations").required(hint="list them: `expectations:`, each after a dash")
        return [self._expectation(item) for item in root.mappings("expectations")]

    def _expectation(self, field: Field) -> Expectation:
        field.known(_EXPECTATION, _MISPLACED)
        return Expectation(
            name=self._name(field),
            sources=self._ends(field, "from"),
            destinations=self._ends(field, "to"),
            ports=_ports(field, needed=True),
            verdict=_verdict(field),
            unless=self._unless(field),
            reason=field.text("reason"),
            span=field.span,
        )

    def _name(self, field: Field) -> str:
        name = field.text("name")
        here = field.child("name", name)
        if not name:
            if field.value.get("name") in (None, ""):
                here.required(hint="say the fact in one sentence")
            return ""
        key = (here.span.file, name)
        if key in self._names:
            here.duplicate("names are unique in their file")
        self._names.add(key)
        return name

    def _unless(self, field: Field) -> tuple[Exempt, ...]:
        items = field.mappings("unless")
        if len(items) > MOST_EXCEPTIONS:
            field.child("unless", items).error(
                "too-many",
                f"Too many: {len(items):,}: must have at most {MOST_EXCEPTIONS} items",
                "mean many with one exception: by labels, or by a pattern",
            )
            return ()
        return tuple(map(self._exempt, items))

    def _exempt(self, field: Field) -> Exempt:
        field.known(_EXEMPT, _MISPLACED)
        if not field.value.keys() & _EXEMPT:
            field.required("must say who is exempt", "write `from`, `to` or both, and `ports` for some only")
        return Exempt(
            sources=self._ends(field, "from", needed=False),
            destinations=self._ends(field, "to", needed=False),
            ports=_ports(field, needed=False),
            span=field.span,
        )

    def _ends(self, field: Field, key: str, *, needed: bool = True) -> tuple[End, ...]:
        """Read one end, or a list of them."""
        value = field.value.get(key)
        here = field.child(key, value)
        if value is None or value == []:
            if needed or value is not None:
                here.required("must say who is meant", _FORMS)
            return ()
        items = (
            [here.child(index, item) for index, item in enumerate(value)]
            if isinstance(value, list)
            else [here]
        )
        return tuple(end for item in items if (end := self._end(item, key)))

    def _end(self, field: Field, key: str) -> End | None:
        if isinstance(field.value, str):
            return _named(field)
        if not isinstance(field.value, dict):
            field.invalid("is no endpoint", _FORMS)
            return None
        field.known(_END, _MISPLACED)
        used = [each for each in ("cidr", "service") if field.value.get(each) is not None]
        selecting = any(field.value.get(each) is not None for each in _SELECTING)
        if len(used) + selecting != 1:
            if used:
                field.forbidden(
                    "may not be combined: they mean different endpoints", "list them after dashes"
                )
            elif not field.value.keys() - _END:
                field.required("must say who is meant", _FORMS)
            return None
        if not used:
            return self._chosen(field)
        return _outside(field) if used == ["cidr"] else _service(field, key)

    def _chosen(self, field: Field) -> Chosen:
        spaces, pods = field.mapping("namespaceSelector"), field.mapping("podSelector")
        return Chosen(
            namespace=field.text("namespace") or "*",
            namespaces=read_selector(spaces, self.scope) if spaces else EVERYTHING,
            pods=read_selector(pods, self.scope) if pods else EVERYTHING,
            span=field.span,
        )


def _named(field: Field) -> End | None:
    text = field.value
    if text == "external":
        return Outside(addresses=AddressSet.all(), span=field.span)
    parts = text.split("/") if len(text) <= _LONGEST else []
    if len(parts) not in {2, 3} or not all(parts):
        field.invalid("is no name of an endpoint", _FORMS)
        return None
    if len(parts) == 2 and cidr(text):
        field.invalid("is no name of an endpoint", f"write `{{cidr: {text}}}`")
        return None
    return Named(
        namespace=parts[0], kind=parts[1] if len(parts) == 3 else "", name=parts[-1], span=field.span
    )


def _outside(field: Field) -> Outside | None:
    text = field.text("cidr")
    if not text:
        return None
    here, found = field.child("cidr", text), cidr(text)
    if not found:
        here.invalid(NOT_A_CIDR)
    elif found.strict:
        here.invalid(found.strict, f"write `{found.canonical}`")
    else:
        return Outside(addresses=found.addresses, span=field.span)
    return None


def _service(field: Field, key: str) -> ToService | None:
    text = field.text("service")
    here = field.child("service", text)
    if key == "from":
        here.forbidden("a Service opens no connections", "name the pods behind it")
        return None
    namespace, _, name = text.partition("/")
    if not namespace or not name or "/" in name:
        if text:
            here.invalid("is no name of a Service", "write `namespace/name`")
        return None
    return ToService(namespace=namespace, name=name, span=field.span)


def _verdict(field: Field) -> Verdict:
    text = field.text("verdict")
    known = [each.value for each in Verdict]
    if text in known:
        return Verdict(text)
    here = field.child("verdict", text)
    if field.value.get("verdict") is None:
        here.required(hint=f"write one of {', '.join(known)}")
    elif text:
        here.unsupported(*known)
    return Verdict.ALLOW


def _ports(field: Field, *, needed: bool) -> PortSet:
    """Read `ports`; where they are not needed, none are all."""
    value = field.value.get("ports")
    here = field.child("ports", value)
    if value is None and not needed:
        return PortSet.transports()
    if value is None or value == []:
        here.required(hint=f"{_PORT_FORMS}, each after a dash")
        return PortSet.none()
    if not isinstance(value, list):
        here.wrong_type("array")
        return PortSet.none()
    return _union([here.child(index, item) for index, item in enumerate(value)])


def _union(items: Sequence[Field]) -> PortSet:
    found = PortSet.none()
    for item in items:
        found |= _port(item)
    return found


def _port(field: Field) -> PortSet:
    value: Any = field.value
    if value == "ALL":
        return PortSet.transports()
    written = _PORTS.fullmatch(value) if isinstance(value, str) else None
    if written is None or written[4] is None:
        bare = written or (type(value) is int and 0 < value <= 65535)
        field.invalid("is no port with its protocol", f"write `{value}/TCP`" if bare else _PORT_FORMS)
        return PortSet.none()
    protocol = Protocol[written[4]]
    if written[1] == "ALL":
        return PortSet.of(protocol)
    first, last = int(written[2]), int(written[3] or written[2])
    if not 1 <= first <= last <= 65535:
        field.invalid("must be between 1 and 65535, the first not greater than the last")
        return PortSet.none()
    return PortSet.of(protocol, first, last)
