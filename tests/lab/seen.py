"""Observations that tests make up: what a lab would have seen if every prediction were true."""

from __future__ import annotations

from pathlib import Path

from analyzer import Match
from lab import manifests
from lab.compare import Comparison
from lab.plan import Plan, Question, Wanted, plan
from lab.probes import Attempt, Outcome, ProbeResult
from lab.world import Placing, realize


def planned(text: str, folder: Path, wanted: Wanted | None = None) -> Plan:
    """Plan the probes of some manifests."""
    path = folder / "cluster.yaml"
    path.write_text(text)
    return of_paths((str(path),), wanted)


def of_paths(paths: tuple[str, ...], wanted: Wanted | None = None) -> Plan:
    """Plan the probes of manifests in some files."""
    found = manifests.read(paths)
    return plan(realize(found.cluster, Placing(), sources=paths), wanted)


def answer(question: Question, outcome: Outcome, identity: str | None = None) -> ProbeResult:
    """Return an answer to a question."""
    rule = "by a policy" if outcome in (Outcome.DROPPED, Outcome.REJECTED) else None
    attempt = Attempt(outcome=outcome, started=0.5, took=0.001, identity=identity, rule=rule)
    return ProbeResult(probe=question.probe, outcome=outcome, attempts=(attempt,))


def true(question: Question) -> ProbeResult:
    """Return the answer that was predicted; what the API leaves open was stopped."""
    if question.predicted is Match.YES:
        return answer(question, Outcome.OPEN, min(question.answering))
    return answer(question, Outcome.DROPPED)


def as_predicted(made: Plan) -> Comparison:
    """Return a comparison in which every prediction turned out true."""
    return Comparison(made, [true(question) for question in made.questions])


def all_alike(made: Plan, outcome: Outcome) -> Comparison:
    """Return a comparison in which every probe had the same outcome."""
    return Comparison(made, [answer(question, outcome) for question in made.questions])
