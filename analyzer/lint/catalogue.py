"""The rules: their codes, and their documentation, which is the docstring of each rule's module.

Comes in: codes, beginnings of codes, or names, as a user writes them. Goes out: the rules that are meant.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity
from analyzer.load.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from analyzer.lint.evidence import Evidence
    from analyzer.lint.finding import Finding

# Codes are never given to another rule. 1xx: has no effect; 2xx: may not be what is meant; 3xx: differs by
# CNI; 4xx: leaves open; 9xx: about lint itself.
CODES = {
    "KR101": "policy-without-effect",
    "KR102": "rule-without-effect",
    "KR103": "policy-selects-no-pod",
    "KR104": "peer-namespace-matches-nothing",
    "KR105": "peer-pods-match-nothing",
    "KR106": "undefined-named-port",
    "KR107": "port-nobody-serves",
    "KR201": "or-meant-as-and",
    "KR202": "and-meant-as-or",
    "KR203": "egress-without-dns",
    "KR204": "except-larger-than-rest",
    "KR205": "half-open",
    "KR206": "unreachable-service",
    "KR301": "ip-block-covers-pods",
    "KR302": "differs-by-cni",
    "KR401": "no-default-deny",
    "KR402": "open-to-the-world",
    "KR901": "unused-ignore",
}
SECTIONS = ("What", "Why", "Example", "Instead")


class Check(Protocol):
    """What a rule's module holds."""

    SEVERITY: Severity

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        """Yield what the rule finds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule and its documentation: a title, and the text of each of SECTIONS."""

    code: str
    name: str
    severity: Severity
    title: str
    sections: dict[str, str]

    @property
    def documentation(self) -> str:
        """The whole documentation as text."""
        parts = [f"{self.code} {self.name} ({self.severity.value})", self.title]
        parts += [f"{section}:\n{_indented(self.sections[section])}" for section in SECTIONS]
        return "\n\n".join(parts) + "\n"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())


def module(code: str) -> Check:
    """Return the module of a rule."""
    found: Check = import_module(f"analyzer.lint.rules.{CODES[code].replace('-', '_')}")
    return found


@cache
def rule(code: str) -> Rule:
    """Return a rule with its documentation."""
    found = module(code)
    title, _, rest = (inspect.getdoc(found) or "").partition("\n\n")
    sections: dict[str, str] = {}
    for part in rest.split("\n\n"):
        name, _, text = part.partition(":\n")
        assert name in SECTIONS, f"the documentation of {code} must consist of {SECTIONS}"
        sections[name] = inspect.cleandoc(text)
    return Rule(
        code=code,
        name=CODES[code],
        severity=found.SEVERITY,
        title=" ".join(title.split()).removesuffix("."),
        sections=sections,
    )


def meant(word: str) -> tuple[str, ...]:
    """Return the codes that a word means: a code, the beginning of codes (`KR1`), a name, or `all`.

    Raises AnalyzerError with a suggestion when it means none.
    """
    folded = word.strip()
    if folded.lower() == "all":
        return tuple(CODES)
    found = [
        code for code, name in CODES.items() if code.startswith(folded.upper()) or name == folded.lower()
    ]
    if found and folded:
        return tuple(found)
    raise AnalyzerError(unknown(word))


def unknown(word: str) -> Diagnostic:
    """Return what is said of a word that means no rule."""
    from difflib import get_close_matches

    close = get_close_matches(word.upper(), CODES, n=2) or get_close_matches(
        word.lower(), CODES.values(), n=2
    )
    hint = f"did you mean {' or '.join(map(shown, close))}? " if close else ""
    return Diagnostic(
        severity=Severity.ERROR,
        code="unknown-rule",
        message=f"there is no lint rule {shown(word)}",
        help=f"{hint}`kubereach rule` lists them all",
    )


def chosen(select: Iterable[str], ignore: Iterable[str]) -> tuple[str, ...]:
    """Return the codes that are selected (all when nothing is) and not ignored, in order.

    The more exact word decides: `--select KR1 --ignore KR104`, and `--ignore KR1 --select KR104`.
    """
    wanted = dict.fromkeys(CODES, 0)
    unwanted = dict.fromkeys(CODES, -1)
    selecting = tuple(select)
    for into, words in ((wanted, selecting), (unwanted, ignore)):
        for word in words:
            codes = meant(word)
            for code in codes:
                into[code] = max(into[code], len(CODES) - len(codes) + 1)
    return tuple(code for code in CODES if wanted[code] > unwanted[code] and (wanted[code] or not selecting))
