"""Words that several rules use: names of policies, and what covers a policy or a rule.

Comes in: policies and covers. Goes out: parts of a sentence, with what the user wrote in backticks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.lint.evidence import listed
from analyzer.load.text import shown

if TYPE_CHECKING:
    from analyzer.lint.redundancy import Cover
    from analyzer.model import Policy


def policy_name(policy: Policy) -> str:
    """Write a policy as `namespace/name`."""
    return shown(str(policy))


def placed(policy: Policy) -> str:
    """Write a policy with its file and line."""
    return f"{policy_name(policy)} ({policy.span})"


def covered_by(cover: Cover, policy: Policy) -> str:
    """Say what does already what a policy, or a rule of it, would do."""
    own = [rule for other, rule in cover.by if other is policy and rule is not None]
    if own and all(other is policy for other, _ in cover.by):
        places = listed(
            list(dict.fromkeys(f"{shown(rule.span.field)} (line {rule.span.line})" for rule in own))
        )
        return f"{places} {'allows' if len(own) == 1 else 'allow'} all of it"
    others = {id(other): other for other, _ in cover.by if other is not policy}
    names = listed([placed(other) for other in others.values()])
    if not names:
        return "it allows everything, and no other policy isolates what it selects"
    if all(rule is None for _, rule in cover.by):
        return f"what it selects is isolated by {names} already"
    return f"{names} {'allows' if len(others) == 1 else 'allow'} all of it"
