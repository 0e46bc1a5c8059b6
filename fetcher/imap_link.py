"""The INBOX of an IMAP account as the collector sees it: sign-in, listing, messages, deletion.

Invariants: a wish for TLS is never given up: no STARTTLS offered, or signed in before it, is an error (T130). Where the mail
is left, the mailbox is opened read-only and no flag is touched. Deleting names the messages one by one (UID EXPUNGE), for
a plain EXPUNGE would also remove what somebody else has marked; a server without it is not deleted from.
"""

from collections.abc import AsyncIterator, Iterable, Sequence

from fetcher import capability, imap, imap_data
from fetcher.connection import Environment, Target
from fetcher.dialogue import Reply
from fetcher.errors import FetchError, explain_code, explain_refusal, explain_sign_in
from fetcher.imap import Client
from fetcher.talk import Survey, Talk
from fetcher.uidl import Entry
from fetcher.wire import Wire

WINDOW = 16


class ImapLink(Talk):
    """An IMAP session over one wire."""

    # RFC 9051 §5.5: commands may be sent at once where one does not change what another means.
    pipelining = True

    def __init__(self, wire: Wire, target: Target, environment: Environment) -> None:
        super().__init__(wire, target, environment, Client(environment.limits))
        self._offered: frozenset[str] = frozenset()
        self._count = self._validity = 0

    @property
    def abilities(self) -> str:
        """For the step-by-step check."""
        telling = ("IMAP4REV1", "IMAP4REV2", "UIDPLUS", "ID", "STARTTLS")
        return ", ".join([w for w in telling if w in self._offered] + sorted(w for w in self._offered if "AUTH=" in w))

    # -- opening

    async def greet(self) -> str:
        """Read the greeting and the capabilities, with STARTTLS where it is wanted. Returns the greeting's text."""
        greeting = (await self._take(1))[0]
        if greeting.code == "PREAUTH":
            raise FetchError("tls-not-offered" if self._target.tls == "starttls" else "protocol", greeting.text)
        if not greeting.ok:
            raise FetchError(explain_code(greeting.code) or "provider-temporary", greeting.text)
        await self._read_capabilities()
        if self._target.tls == "starttls":
            await self._start_tls()
        return greeting.text

    async def _start_tls(self) -> None:
        if "STARTTLS" not in self._offered:
            raise FetchError("tls-not-offered")
        reply = await self.ask(imap.STARTTLS)
        if not reply.ok:
            raise FetchError("tls-not-offered", reply.text)
        if self._client.leftover:
            raise FetchError("tls-failed", "the server sent something between STARTTLS and TLS")
        await self.secure()
        # RFC 9051 §6.2.1: what was said before TLS must be forgotten.
        await self._read_capabilities()

    async def _read_capabilities(self) -> None:
        reply = await self.ask(imap.CAPABILITY)
        if not reply.ok:
            raise FetchError("protocol", reply.text)
        self._offered = imap_data.capabilities(reply.payload)

    async def sign_in(self, username: str, password: str) -> None:
        """Sign in by the way that is offered, and say who we are."""
        try:
            reply = await self._try(username, password)
        except ValueError as error:
            raise FetchError("bad-credentials-text") from error
        if not reply.ok:
            raise FetchError(explain_refusal(self._target.host, reply.code, reply.text), reply.text)
        before = self._offered
        await self._read_capabilities()
        if "ID" in before | self._offered:
            await self.ask(imap.ID)

    async def _try(self, username: str, password: str) -> Reply:
        """LOGIN, or PLAIN where that is not for this server or these letters; a wrong password is not sent twice."""
        plain = "AUTH=PLAIN" in self._offered
        if "LOGINDISABLED" not in self._offered and username.isascii() and password.isascii():
            reply = await self.ask(imap.login(username, password))
            if reply.ok or not (plain and capability.not_understood(reply.text)):
                return reply
        if not plain:
            raise FetchError("sign-in-not-offered")
        reply = await self.ask(imap.authenticate(username, password, initial="SASL-IR" in self._offered))
        if reply.challenge is not None:
            reply = await self.ask(imap.sasl_response(username, password))
        return reply if reply.challenge is None else await self.ask(imap.CANCEL)

    # -- what is there

    async def survey(self, *, change: bool = False) -> Survey:
        """Open the INBOX."""
        if change and not self._offered & {"UIDPLUS", "IMAP4REV2"}:
            raise FetchError("delete-not-offered")
        reply = await self.ask(imap.SELECT if change else imap.EXAMINE)
        if not reply.ok:
            raise self._refusal(reply)
        facts = imap_data.facts(reply.payload)
        self._count = facts["EXISTS"]
        # RFC 4315 §3: UIDs that do not last name nothing; then the header has to.
        self._validity = 0 if facts["UIDNOTSTICKY"] else facts["UIDVALIDITY"]
        if not (self._validity and facts["UIDNEXT"]):
            return Survey(self._count, None)
        # RFC 9051 §2.3.1.1: UIDNEXT grows with every message that comes, and what goes makes EXISTS smaller.
        return Survey(self._count, f"imap:{self._validity}:{facts['UIDNEXT']}:{self._count}")

    @staticmethod
    def _refusal(reply: Reply) -> FetchError:
        code = explain_code(reply.code) or explain_sign_in("", reply.text)
        return FetchError("provider-temporary" if code == "sign-in" else code, reply.text)

    async def entries(self) -> Iterable[Entry]:
        """Ask for every UID and size. Without a UIDVALIDITY a UID is no name."""
        if not self._count:
            return ()
        reply = await self.ask(imap.LISTING)
        if not reply.ok:
            raise self._refusal(reply)
        sizes = imap_data.sizes(reply.payload)
        return (Entry(uid, f"{self._validity}.{uid}" if self._validity else "", size) for uid, size in sizes.items())

    def headers(self, numbers: Sequence[int]) -> AsyncIterator[Reply]:
        return self.stream([imap.header(n) for n in numbers], window=WINDOW)

    def messages(self, numbers: Iterable[int]) -> AsyncIterator[Reply]:
        """Yield each message; a reply that is not ok is one that is gone."""
        return self.stream([imap.message(n) for n in numbers], window=WINDOW)

    async def sample(self) -> bytes:
        """Return the header of the newest message."""
        if not self._count:
            return b""
        reply = await self.ask(imap.NEWEST)
        if not reply.ok:
            raise FetchError("protocol", reply.text)
        return reply.payload

    # -- ending

    async def finish(self, delete: Sequence[int]) -> tuple[Sequence[int], bool]:
        """Delete these and sign out; returns what is deleted for sure, and whether that is everything."""
        gone: list[int] = []
        for uids in imap.batches(delete):
            marked = await self.ask(imap.mark_deleted(uids))
            if marked.ok and (await self.ask(imap.expunge(uids))).ok:
                gone += uids
        await self.leave(imap.LOGOUT)
        return gone, len(gone) == len(delete)
