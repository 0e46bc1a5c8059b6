"""What checks found, and the one decision drawn from it. Pure.

Invariant: checks only report; `decide` alone decides, and the worst finding wins. What words the peer hears is the protocol
layer's matter; code and enhanced code travel with the finding.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Action(IntEnum):
    """What may happen to a message, mildest first."""

    ACCEPT = 0
    JUNK = 1
    DEFER = 2
    REJECT = 3


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found. `code` and `enhanced` matter for DEFER and REJECT."""

    check: str
    action: Action
    code: int = 250
    enhanced: str = "2.0.0"
    text: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision, and the finding it rests on (None: nothing spoke against the message)."""

    action: Action
    reason: CheckResult | None


def decide(findings: Iterable[CheckResult]) -> Verdict:
    """Combine findings: the worst one counts, the first of equals gives the reason."""
    worst: CheckResult | None = None
    for finding in findings:
        if finding.action > (worst.action if worst else Action.ACCEPT):
            worst = finding
    return Verdict(worst.action if worst else Action.ACCEPT, worst)
