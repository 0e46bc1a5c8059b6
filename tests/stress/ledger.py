"""What is true of the mailboxes whatever client looks: contents, states, and what may have happened to each message.

Clients work at once, so the last writer of a flag is not one: an operation may have been the last unless another, which certainly
took place, began after it had ended. At the end each flag must be as one of those that may have been the last left it.
"""

from dataclasses import dataclass, field

from tests.stress.dialogue import Violation

Place = tuple[str, int]
"""Mailbox and uid."""

NEVER = 2**62
UNKNOWN = None


@dataclass(frozen=True, slots=True)
class Operation:
    """A flag set (True), cleared (False), or left as nobody here can know (UNKNOWN)."""

    start: int
    end: int
    value: bool | None
    certain: bool


@dataclass(slots=True)
class Ledger:
    content: dict[Place, str] = field(default_factory=dict)
    """Token of the message; never changes."""
    acknowledged: dict[Place, str] = field(default_factory=dict)
    """Placed there for certain: APPENDUID or COPYUID said so."""
    doomed: set[Place] = field(default_factory=set)
    """Somebody tried to mark it deleted or to move it: it may be gone."""
    born_deleted: set[str] = field(default_factory=set)
    """Tokens that were sent with \\Deleted: so are copies that somebody made before the answer was there."""
    gone: set[Place] = field(default_factory=set)
    attempted: set[str] = field(default_factory=set)
    """Tokens of everything that anybody sent."""
    refused_for: dict[Place, int] = field(default_factory=dict)
    """MODIFIED named it for this UNCHANGEDSINCE."""
    accepted: set[str] = field(default_factory=set)
    """Tokens for which a server took responsibility, deliveries included."""
    doomed_tokens: set[str] = field(default_factory=set)
    _states: dict[tuple[str, int, int], frozenset[str]] = field(default_factory=dict)
    _validities: dict[str, int] = field(default_factory=dict)
    _operations: dict[Place, dict[str, list[Operation]]] = field(default_factory=dict)

    # -- facts that any response may contradict

    def validity(self, box: str, uidvalidity: int) -> None:
        if self._validities.setdefault(box, uidvalidity) != uidvalidity:
            raise Violation(f"the uidvalidity of {box} became {uidvalidity}")

    def is_content(self, box: str, uid: int, token: str, who: str) -> None:
        if self.content.setdefault((box, uid), token) != token:
            raise Violation(f"{who}: uid {uid} of {box} is {token}, and was {self.content[box, uid]}")

    def is_there(self, box: str, uid: int, who: str) -> None:
        """A uid that somebody was told is gone may still have its number with others, so this says nothing of `gone`."""
        if uid <= 0:
            raise Violation(f"{who}: uid {uid} in {box}")

    def is_state(self, box: str, uid: int, modseq: int, flags: frozenset[str], who: str) -> None:
        """RFC 7162 §3.1: a change of flags is a change of the mod-sequence, so both go together, for everybody."""
        if self._states.setdefault((box, uid, modseq), flags) != flags:
            before = sorted(self._states[box, uid, modseq])
            raise Violation(f"{who}: uid {uid} of {box} at {modseq} has {sorted(flags)}, and had {before}")

    def has_gone(self, box: str, uid: int) -> None:
        place = (box, uid)
        if place in self.acknowledged and place not in self.doomed:
            raise Violation(f"uid {uid} of {box} went, and nobody deleted or moved it")
        self.gone.add(place)

    # -- what clients do

    def place(self, box: str, uid: int, token: str | None) -> None:
        """APPENDUID or COPYUID named it."""
        if (box, uid) in self.acknowledged:
            raise Violation(f"uid {uid} of {box} was given twice")
        if token is not None:
            self.is_content(box, uid, token, "the server")
            self.acknowledged[box, uid] = token
            self.accepted.add(token)
            if token in self.born_deleted:
                self.doom(box, uid)

    def doom(self, box: str, uid: int) -> None:
        self.doomed.add((box, uid))
        if token := self.content.get((box, uid)):
            self.doomed_tokens.add(token)

    def operate(self, place: Place, flag: str, operation: Operation) -> None:
        known = self._operations.setdefault(place, {}).setdefault(flag, [])
        if operation.certain:
            known[:] = [other for other in known if other.end >= operation.start]
        known.append(operation)

    def history(self, place: Place, flag: str) -> list[Operation]:
        return self._operations.get(place, {}).get(flag, [])

    def may_be(self, place: Place, flag: str) -> set[bool | None]:
        """Values that the flag may have now; empty when nobody here touched it for certain."""
        known = self.history(place, flag)
        if not any(one.certain for one in known):
            return set()
        return {one.value for one in known if not any(other.certain and other.start > one.end for other in known)}
