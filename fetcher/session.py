"""One session with a provider from listing to goodbye: what is new is delivered, what is settled may be deleted.

Invariants: a message is deleted only if its mark was committed before, and only if this very session has seen that
the number stands for that message (its octets, or its header). A session that ends in an error is cut off, so the
provider deletes nothing more (RFC 1939 §6).
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from fetcher import letter, seen, uidl
from fetcher.account import Source
from fetcher.bookkeeping import Bookkeeper
from fetcher.deliver import Letter, Outcome, Receipt
from fetcher.errors import FetchError, explain_code
from fetcher.lanes import Job, Lanes
from fetcher.letter import Facts
from fetcher.link import Link
from fetcher.seen import Mark
from fetcher.talk import ReplyTooBig
from fetcher.uidl import Entry, Known, Plan, Planner, Policy, State, Verdict
from server.clock import Clock
from server.db.database import Database
from server.log import get_logger

SLICE = 2_000
ON_A_THREAD = 2**18
"""Octets from which on reading a message would hold up the event loop."""

log = get_logger("fetcher.session")


@dataclass(slots=True)
class Result:
    """What a session has done."""

    listing_hash: str | None
    remote: int = 0
    delivered: int = 0
    removed: int = 0
    more: bool = False
    """Messages are left for another session."""
    clean: bool = True
    """Nothing was put off and nothing failed to be deleted: the same listing needs no second look."""


@dataclass(slots=True)
class _Todo:
    """The work of a session as it becomes known."""

    fetch: list[Entry] = field(default_factory=list)
    known: dict[str, Known] = field(default_factory=dict)
    delete: dict[int, str] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)
    """Content hash to UIDL, for the messages on their way in this session."""
    settled: set[str] = field(default_factory=set)
    left_over: bool = False


class Session:
    """Drives a signed-in link."""

    def __init__(
        self, link: Link, source: Source, policy: Policy, database: Database, clock: Clock, books: Bookkeeper
    ) -> None:
        self._link, self._source, self._policy = link, source, policy
        self._database, self._clock, self._books = database, clock, books
        self._todo = _Todo()
        self._present = set[int]()

    async def run(self, lanes: Lanes) -> Result:
        """Do the whole session. Raises FetchError."""
        survey = await self._link.survey(change=not self._policy.leave)
        result = Result(survey.fingerprint, remote=survey.count)
        if survey.fingerprint is not None and survey.fingerprint == self._source.listing_hash:
            await self._link.finish(())
            return result
        plan = await self._plan(await self._link.entries())
        if plan.nameless:
            plan = await self._name(plan)
        await self._note_absent()
        self._todo.fetch += plan.fetch
        await self._second_look(plan.verify)
        self._progress(plan)
        self._refuse_big(plan.too_big)
        await self._retrieve(lanes)
        await self._books.flush()
        result.more = plan.truncated or self._todo.left_over
        result.clean = await self._end(result) and not result.more and lanes.deferred_code is None
        return result

    # -- what is there

    async def _plan(self, entries: Iterable[Entry]) -> Plan:
        """Compare a listing with the ledger, slice by slice."""
        planner = Planner(self._policy)
        rest = iter(entries)
        while part := list(islice(rest, SLICE)):
            planner.feed(part, await self._known([e.uidl for e in part if e.uidl]))
            self._present.update(hash(e.uidl) for e in part if e.uidl)
        self._todo.known |= planner.known
        return planner.plan()

    async def _known(self, uidls: Sequence[str]) -> Mapping[str, Known]:
        return await self._database.async_read(lambda r: seen.known(r, self._source.id, uidls))

    async def _note_absent(self) -> None:
        """Write down what has left the listing since the last one."""

        def is_present(name: str) -> bool:
            return hash(name) in self._present

        if await self._database.async_read(lambda r: seen.any_absent(r, self._source.id, is_present)):
            now = self._clock.now()
            await self._database.async_write(lambda w: seen.note_absent(w, self._source.id, is_present, now=now))

    async def _name(self, plan: Plan) -> Plan:
        """Give messages without a UIDL a key made of their header, and plan again."""
        named: list[Entry] = []
        async for entry, raw in self._headers(plan.nameless):
            named.append(replace(entry, uidl=uidl.fallback_key(letter.header_hash(raw), entry.size)))
        again = await self._plan(named)
        return Plan(
            plan.fetch + again.fetch,
            plan.verify + again.verify,
            plan.too_big + again.too_big,
            (),
            plan.waiting + again.waiting,
            plan.settled + again.settled,
        )

    async def _headers(self, entries: Sequence[Entry]) -> AsyncIterator[tuple[Entry, bytes]]:
        """Yield the header of each; a message that is gone is left out."""
        by_number = {e.number: e for e in entries}
        async for reply in self._link.headers(list(by_number)):
            self._books.check()
            if reply.ok:
                yield by_number[reply.command.number], reply.payload
            else:
                self._gone(by_number[reply.command.number], reply.text)

    def _gone(self, entry: Entry, words: str) -> None:
        log.info("message_gone", source_id=self._source.id, number=entry.number, words=words)

    async def _second_look(self, entries: Sequence[Entry]) -> None:
        """Decide whether a known UIDL still stands for the same message (`uidl` explains why)."""
        same: dict[str, int] = {}
        async for entry, raw in self._headers(entries):
            known = self._todo.known[entry.uidl]
            if uidl.verify(known, letter.header_hash(raw)) is Verdict.OTHER:
                self._todo.fetch.append(entry)
                continue
            same[entry.uidl] = entry.size
            if not self._policy.leave:
                self._todo.delete[entry.number] = entry.uidl
        if same:
            await self._database.async_write(lambda w: seen.present_again(w, self._source.id, same))

    def _refuse_big(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._books.mark(Mark(entry.uidl, State.REFUSED, size=entry.size, reason_code="message-too-big"))

    def _progress(self, plan: Plan) -> None:
        if self._books.total == 0:
            self._books.done += plan.settled if not self._source.imported else 0
            found = plan.waiting + len(plan.too_big) + len(self._todo.fetch) - len(plan.fetch)
            self._books.total = self._books.done + found

    # -- fetching

    async def _retrieve(self, lanes: Lanes) -> None:
        by_number = {e.number: e for e in self._todo.fetch}
        try:
            async for reply in self._link.messages(by_number):
                self._books.check()
                entry = by_number[reply.command.number]
                if reply.ok:
                    await lanes.put(self._job(entry, reply.payload))
                elif explain_code(reply.code) is not None:
                    raise FetchError(explain_code(reply.code) or "protocol", reply.text)
                else:
                    self._gone(entry, reply.text)
        except ReplyTooBig as error:
            # The listing had promised less. It must not stop the others for ever.
            entry = by_number[error.number]
            self._books.mark(Mark(entry.uidl, State.REFUSED, size=entry.size, reason_code="message-too-big"))
            await lanes.finish()
            raise
        await lanes.finish()

    def _job(self, entry: Entry, raw: bytes) -> Job:
        facts: list[Facts] = []

        async def prepare() -> Letter | None:
            now = self._clock.now()
            small = len(raw) < ON_A_THREAD
            facts.append(letter.read(raw, now=now) if small else await asyncio.to_thread(letter.read, raw, now=now))
            twin = await self._twin(entry, facts[0])
            if twin is None:
                return Letter(
                    self._source.recipient,
                    self._source.mailbox,
                    uidl.envelope_id(self._source.id, entry.uidl, self._generation(entry)),
                    facts[0].arrived,
                    facts[0].reverse_path,
                    raw,
                )
            if twin:
                self._settle(entry, facts[0], State.DUPLICATE, reason_text=twin)
            else:
                self._todo.left_over = True
            return None

        def settle(_letter: Letter, receipt: Receipt) -> None:
            if receipt.outcome is Outcome.DELIVERED:
                self._todo.settled.add(facts[0].content_hash)
                self._settle(entry, facts[0], State.DELIVERED)
                return
            self._todo.contents.pop(facts[0].content_hash, None)
            if receipt.outcome is Outcome.REFUSED:
                self._settle(
                    entry, facts[0], State.REFUSED, reason_code=receipt.trouble, reason_text=receipt.text[:500]
                )
            else:
                log.info("delivery_deferred", source_id=self._source.id, uidl=entry.uidl, words=receipt.text)

        return Job(len(raw), prepare, settle)

    def _generation(self, entry: Entry) -> int:
        """A UIDL that was settled before and now stands for another message needs another envelope id."""
        known = self._todo.known.get(entry.uidl)
        if known is None:
            return 0
        return known.generation + (1 if known.state in uidl.SETTLED else 0)

    async def _twin(self, entry: Entry, facts: Facts) -> str | None:
        """Return the UIDL under which the same message is settled, "" if that is not known yet, None if there is none."""
        other = self._todo.contents.setdefault(facts.content_hash, entry.uidl)
        if other != entry.uidl:
            return other if facts.content_hash in self._todo.settled else ""
        return await self._database.async_read(
            lambda r: seen.twin(
                r,
                self._source.id,
                entry.uidl,
                size=entry.size,
                content_hash=facts.content_hash,
                header_hash=facts.header_hash,
            )
        )

    def _settle(
        self,
        entry: Entry,
        facts: Facts,
        state: State,
        *,
        reason_code: str | None = None,
        reason_text: str | None = None,
    ) -> None:
        self._books.mark(
            Mark(
                entry.uidl,
                state,
                generation=self._generation(entry),
                size=entry.size,
                header_hash=facts.header_hash,
                content_hash=facts.content_hash,
                message_id=facts.message_id,
                mailbox=self._source.mailbox if state is State.DELIVERED else None,
                reason_code=reason_code,
                reason_text=reason_text,
            )
        )
        if state in uidl.SETTLED and not self._policy.leave:
            self._todo.delete[entry.number] = entry.uidl

    # -- ending

    async def _end(self, result: Result) -> bool:
        """Delete what may be deleted and say goodbye; True if the provider has confirmed it."""
        # `flush` has returned: every number in `delete` is durable with us.
        gone, done = await self._link.finish(list(self._todo.delete))
        if gone:
            names, now = [self._todo.delete[n] for n in gone], self._clock.now()
            await self._database.async_write(lambda w: seen.removed(w, self._source.id, names, now=now))
            result.removed = len(gone)
        return done
