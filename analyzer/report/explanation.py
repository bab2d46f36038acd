"""An explanation as text: one sentence that says it all, then both directions, policy by policy.

Comes in: an Explanation. Goes out: lines for a terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.explain import describe
from analyzer.model import Action, Direction, Match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.explain import Explanation, PolicyTrace, RuleTrace, Side
    from analyzer.sets import PortSet

_PREPOSITION = {Direction.INGRESS: "from", Direction.EGRESS: "to"}


def render(explanation: Explanation) -> str:
    """Return the headline and the details, ending in a newline."""
    lines = [f"{verdict(explanation)}: {'; '.join(reasons(explanation))}", ""]
    lines.append(f"{explanation.source} -> {explanation.destination}")
    lines.append(f"  allowed: {explanation.bounds.certain & explanation.asked}")
    if unknown := explanation.bounds.unknown & explanation.asked:
        lines.append(f"  unknown: {unknown}")
        lines += [f"    depends on {fact}" for fact in explanation.facts]
    for side in explanation.sides:
        lines += ["", *_side(side, explanation.asked)]
    return "\n".join(lines) + "\n"


def verdict(explanation: Explanation) -> str:
    """Return the verdict on what was asked for, in a word or two."""
    asked = explanation.asked
    if explanation.bounds.unknown & asked:
        return "unknown"
    certain = explanation.bounds.certain & asked
    if not certain:
        return "denied"
    return "allowed" if certain == asked else "allowed in part"


def reasons(explanation: Explanation) -> tuple[str, ...]:
    """Say what decided, one sentence for each side or fact that did."""
    asked = explanation.asked
    if explanation.bounds.unknown & asked:
        return tuple(
            f"{'it depends' if not index else 'and'} on {fact}"
            for index, fact in enumerate(explanation.facts)
        )
    closed = [side for side in explanation.sides if not _passed(side, asked)]
    if closed:
        return tuple(_closed(side, asked) for side in closed)
    return tuple(_passing(side, asked) for side in explanation.sides)


def _passed(side: Side, asked: PortSet) -> PortSet:
    return asked if side.exempt is Match.YES else side.bounds.certain & asked


def _closed(side: Side, asked: PortSet) -> str:
    by = ", ".join(f"{trace.policy.span} ({trace.policy})" for trace in side.policies)
    what = f"{side.direction.value} of {side.subject} is isolated by {by}"
    if denying := _deciding(side, asked, Action.DENY):
        return f"{what}; {_where(denying[0])} decides"
    rules = [rule for trace in side.policies for rule in trace.rules if rule.rule.action is Action.ALLOW]
    if not rules:
        return f"{what}; there is no {side.direction.value} rule"
    if near := [f"{_where(rule)} allows {rule.ports}" for rule in rules if rule.match is Match.YES]:
        return f"{what}; no rule admits this port: {'; '.join(near[:3])}"
    other = [each for rule in rules for each in rule.peers if each.reason]
    reasons = dict.fromkeys(f"{each.reason} (line {each.peer.span.line})" for each in other)
    return f"{what}; no rule admits {side.peer}: {'; '.join(list(reasons)[:3])}"


def _passing(side: Side, asked: PortSet) -> str:
    where = f"{side.direction.value} of {side.subject}"
    if side.exempt is Match.YES:
        return f"{where} is exempt: a pod always reaches itself, and a node the pods that it runs"
    if not side.policies:
        return f"{where} is open, {_why_open(side)}"
    rules = _deciding(side, asked, Action.ALLOW)
    if not rules:
        return f"{where} lets it pass"
    return f"{where} is admitted by {', '.join(_where(rule) for rule in rules[:3])}"


def _why_open(side: Side) -> str:
    """Say why a side has no policies."""
    if side.subject.external:
        return "external addresses have no policies"
    if side.subject.host_network:
        return "policies do not select pods on the host network"
    return "no policy selects it"


def _deciding(side: Side, asked: PortSet, action: Action) -> list[RuleTrace]:
    """Return the rules of an action that match some of what was asked for."""
    rules = [rule for trace in side.policies for rule in trace.rules if rule.rule.action is action]
    return [rule for rule in rules if rule.match is Match.YES and rule.on(asked)]


def _where(rule: RuleTrace) -> str:
    return f"{rule.rule.span} ({rule.rule.span.field})"


def _side(side: Side, asked: PortSet) -> Iterator[str]:
    head = f"{side.direction.value} of {side.subject} {_PREPOSITION[side.direction]} {side.peer}:"
    if not side.policies:
        yield f"{head} open, {_why_open(side)}"
        return
    yield f"{head} {side.bounds.certain & asked}"
    if side.exempt is not Match.NO:
        yield f"  exempt{'' if side.exempt is Match.YES else ' if on the same node'}: always admitted"
    for trace in side.policies:
        yield from _policy(trace, side.direction)


def _policy(trace: PolicyTrace, direction: Direction) -> Iterator[str]:
    policy = trace.policy
    yield f"  {policy.kind} {policy} ({policy.span}) selects it"
    if not trace.rules:
        yield f"    no {direction.value} rule: nothing is allowed"
    for rule in trace.rules:
        yield from _rule(rule, trace)


def _rule(trace: RuleTrace, policy: PolicyTrace) -> Iterator[str]:
    sign = {Match.YES: "+", Match.MAYBE: "?", Match.NO: "-"}[trace.match]
    rule = trace.rule
    yield f"    {sign} {rule.action.value} {trace.ports} ({_where(trace)})"
    if rule.doubt:
        yield f"        ? {rule.doubt}"
    # Only blocks can match together and none alone: a pod has an address in each.
    together = trace.match is Match.YES and all(each.match is not Match.YES for each in trace.peers)
    for each in trace.peers:
        line = f"line {each.peer.span.line}"
        if each.match is Match.YES:
            yield f"        + {describe(each.peer, policy.policy)} matches ({line})"
        elif each.match is Match.MAYBE and together:
            yield f"        + {describe(each.peer, policy.policy)} matches with the other blocks ({line})"
        else:
            yield f"        {'-' if each.match is Match.NO else '?'} {each.reason} ({line})"
