"""The one seam between the collector and the protocols: what a session, a fetch and a check want from a provider.

Numbers name the messages of one session: the places of POP3, the UIDs of IMAP. What lasts longer is `Entry.uidl`.
"""

import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Protocol

from fetcher import connection
from fetcher.connection import Environment, Target
from fetcher.dialogue import Reply
from fetcher.imap_link import ImapLink
from fetcher.pop3_link import Pop3Link
from fetcher.talk import Survey
from fetcher.uidl import Entry
from fetcher.wire import Wire


class Link(Protocol):
    """One connection to one mailbox. Everything raises FetchError."""

    @property
    def tls_version(self) -> str: ...

    @property
    def abilities(self) -> str:
        """What the server says that it can do, for people."""
        ...

    async def secure(self) -> None:
        """Begin TLS; for implicit TLS before the greeting."""
        ...

    async def greet(self) -> str:
        """Read the greeting and what the server can do, with STARTTLS where it is wanted. Returns the greeting's text."""
        ...

    async def sign_in(self, username: str, password: str) -> None: ...

    async def survey(self, *, change: bool = False) -> Survey:
        """Open the mailbox, to delete in it if `change`."""
        ...

    async def entries(self) -> Iterable[Entry]:
        """Return what is in the mailbox, oldest first; after `survey`."""
        ...

    def headers(self, numbers: Sequence[int]) -> AsyncIterator[Reply]:
        """Yield the header of each; a reply that is not ok is one that is gone."""
        ...

    def messages(self, numbers: Iterable[int]) -> AsyncIterator[Reply]:
        """Yield each message, in the order of the numbers; a reply that is not ok is one that is gone."""
        ...

    async def sample(self) -> bytes:
        """Return the header of one message, or nothing."""
        ...

    async def finish(self, delete: Sequence[int]) -> tuple[Sequence[int], bool]:
        """Delete these and end the session; returns what is deleted for sure, and whether all went well."""
        ...

    def abort(self) -> None:
        """Cut the connection: the server must not delete anything then."""
        ...


def open_link(wire: Wire, target: Target, environment: Environment) -> Link:
    """Speak the protocol of the target over a connected wire."""
    if target.protocol == "imap":
        return ImapLink(wire, target, environment)
    return Pop3Link(wire, target, environment)


@contextlib.asynccontextmanager
async def session(target: Target, username: str, password: str, environment: Environment) -> AsyncIterator[Link]:
    """A signed-in session; cut off unless the block has ended it."""
    wire = await connection.connect(target, await connection.addresses(target, environment), environment)
    link = open_link(wire, target, environment)
    try:
        if target.tls == "implicit":
            await link.secure()
        await link.greet()
        await link.sign_in(username, password)
        yield link
    finally:
        link.abort()
