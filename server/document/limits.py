"""The bounds that every reader of documents keeps. Beyond them the rest of a document stays unread."""

from dataclasses import dataclass

MIB = 2**20


class LimitReached(Exception):
    """A document has more than the limits allow; what was read before stands."""


@dataclass(frozen=True, slots=True)
class Limits:
    octets: int  # of the document
    member_octets: int  # of one member of an archive, unpacked
    unpacked_octets: int  # of all members that are read
    elements: int  # of all members that are read
    members: int = 10_000  # that an archive may list
    texts: int = 500  # members that are read: sheets, slides, notes
    ratio: int = 250  # unpacked to packed, of a member that unpacks to more than `small`
    small: int = MIB
    pages: int = 2_000  # of a PDF
    characters: int = 1_000_000


@dataclass(slots=True)
class Budget:
    """What is left to one document of the limits that its members share."""

    elements: int
    characters: int


AT_ONCE = Limits(octets=256 * 1024, member_octets=2 * MIB, unpacked_octets=3 * MIB, elements=40_000)
"""For a document that is read while its sender waits: some tens of milliseconds at most."""
APART = Limits(octets=32 * MIB, member_octets=64 * MIB, unpacked_octets=128 * MIB, elements=10_000_000)
"""For one that is read afterwards, in a process of its own."""
