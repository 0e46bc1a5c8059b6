"""Mail that goes round in a circle.

RFC 5321 §6.3: count the Received fields, refuse beyond a limit of at least 100 hops seen by anybody; 50 is what the field uses.
"""

from dataclasses import dataclass

from server.delivery.check import Subject
from server.delivery.envelope import Profile
from server.delivery.verdict import Action, CheckResult
from server.mail.trace import hop_count


@dataclass(frozen=True, slots=True)
class LoopCheck:
    """Refuses a message with more than `limit` hops behind it."""

    limit: int
    name: str = "loop"
    # An import is an archive; how far its mail travelled once does not matter.
    profiles: frozenset[Profile] = frozenset({"smtp", "submission", "fetched"})

    async def run(self, subject: Subject) -> CheckResult:
        if hop_count(subject.raw) > self.limit:
            return CheckResult(
                self.name, Action.REJECT, 554, "5.4.6", "Too many hops; this message goes round in a circle"
            )
        return CheckResult(self.name, Action.ACCEPT)
