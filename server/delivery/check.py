"""The seam for checks of arriving mail, and their order.

Order, cheap and certain first: loop, iprev, spf, dkim, dmarc, dnsbl, rate, greylist, content. Those that exist are the modules of
`server.delivery.checks`; what is not there is not run. A check that fails to answer says ACCEPT or DEFER, it never raises for
what a message holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from server.delivery.envelope import Envelope, Profile, SessionInfo
from server.delivery.verdict import Action, CheckResult


@dataclass(frozen=True, slots=True)
class Subject:
    """What a check may look at."""

    envelope: Envelope
    session: SessionInfo
    raw: bytes
    profile: Profile


class Check(Protocol):
    """One question asked of each arriving message."""

    @property
    def name(self) -> str: ...

    @property
    def profiles(self) -> frozenset[Profile]:
        """The ways in it applies to: a fetched message's peer is our own collector, its address says nothing."""
        ...

    async def run(self, subject: Subject) -> CheckResult: ...


async def run_all(checks: Sequence[Check], subject: Subject) -> list[CheckResult]:
    """Run the checks that apply, in order, up to the first that rejects."""
    findings: list[CheckResult] = []
    for check in checks:
        if subject.profile not in check.profiles:
            continue
        finding = await check.run(subject)
        findings.append(finding)
        if finding.action is Action.REJECT:
            break
    return findings
