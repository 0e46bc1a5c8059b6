"""The order of things between an accepted envelope and the mailboxes: checks, verdict, trace fields, filing.

Invariants: `deliver` answers for every recipient of the envelope, in their order, and says ok only for what is on disk. With one
answer for all (SMTP), a temporary failure for some after others are stored goes to the queue, so that nobody gets the message
twice and nobody loses it; with an answer for each (LMTP) it is simply told.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from server.clock import Clock
from server.config import Settings
from server.db.crashpoint import reach
from server.delivery import local, recipients, trace_fields
from server.delivery.check import Check, Subject, run_all
from server.delivery.checks.loop import LoopCheck
from server.delivery.envelope import Envelope, Profile, Result, SessionInfo
from server.delivery.local import Filed, Filing
from server.delivery.recipients import Accounts, Addressee, Addresses, Refusal
from server.delivery.verdict import Action, Verdict, decide
from server.log import get_logger
from server.store import append

QueueSubmit = Callable[..., Awaitable[str]]
"""`server.queue.submit.Queue.submit(envelope, raw, *, sender_account)`."""

log = get_logger("delivery.pipeline")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of a recipient, without its name."""

    ok: bool
    code: int
    enhanced: str
    text: str

    def to(self, recipient: str) -> Result:
        return Result(recipient, self.ok, self.code, self.enhanced, self.text)


DELIVERED = Answer(True, 250, "2.0.0", "Delivered")
FAILED = Answer(False, 451, "4.3.0", "Something failed here; try again later")
ANSWERS: Mapping[Filed | Refusal, Answer] = {
    Filed.DONE: DELIVERED,
    Filed.OVER_QUOTA: Answer(False, 452, "4.2.2", "Mailbox full; try again later"),
    Filed.FAILED: FAILED,
    Refusal.UNKNOWN: Answer(False, 550, "5.1.1", "No such mailbox here"),
    Refusal.RELAY: Answer(False, 550, "5.7.1", "Relaying denied"),
    Refusal.OVER_QUOTA: Answer(False, 452, "4.2.2", "Mailbox full; try again later"),
    Refusal.NEVER_FITS: Answer(False, 552, "5.2.2", "Message larger than the whole mailbox may be"),
}


class Pipeline:
    """Delivers to the accounts of this house."""

    def __init__(
        self,
        store: Accounts,
        directory: Addresses,
        queue_submit: QueueSubmit,
        clock: Clock,
        settings: Settings,
        *,
        hostname: str,
        checks: Sequence[Check] | None = None,
    ) -> None:
        self._store, self._directory, self._queue_submit = store, directory, queue_submit
        self._clock, self._hostname = clock, hostname
        self._checks = checks if checks is not None else (LoopCheck(settings.limits.received_hops),)

    async def resolve(self, address: str, size: int | None) -> Addressee | Refusal:
        """Who gets mail for an address: the question of RCPT."""
        return await recipients.resolve(self._directory, self._store, address, size)

    async def judge(self, envelope: Envelope, raw: bytes, session: SessionInfo, *, profile: Profile) -> Verdict:
        """Run the checks and decide."""
        return decide(await run_all(self._checks, Subject(envelope, session, raw, profile)))

    async def deliver(
        self,
        envelope: Envelope,
        raw: bytes,
        session: SessionInfo,
        *,
        profile: Profile,
        addressees: Sequence[Addressee] | None = None,
    ) -> list[Result]:
        """Deliver to every recipient and tell how each ended. `addressees` spares a second look-up after RCPT."""
        verdict = await self.judge(envelope, raw, session, profile=profile)
        if verdict.action >= Action.DEFER:
            return _all_refused(envelope, verdict)
        resolved = await self._addressees(envelope, len(raw), addressees)
        filing = await self._prepare(envelope, raw, session, profile, junk=verdict.action is Action.JUNK)
        reach("delivery.prepared")
        accounts = sorted({r.account for a in resolved.values() if isinstance(a, Addressee) for r in a.accounts})
        outcomes = await asyncio.gather(*(local.file(self._store, a, filing) for a in accounts))
        filed = dict(zip(accounts, outcomes, strict=True))
        reach("delivery.filed")
        if profile == "smtp":
            await self._hand_over(envelope, raw, session, filed)
        return [_answer(resolved[address], filed).to(address) for address in envelope.recipients]

    async def _addressees(
        self, envelope: Envelope, size: int, known: Sequence[Addressee] | None
    ) -> dict[str, Addressee | Refusal]:
        found: dict[str, Addressee | Refusal] = {a.address: a for a in known or ()}
        for address in envelope.recipients:
            if address not in found:
                found[address] = await self.resolve(address, size)
        return {address: found[address] for address in envelope.recipients}

    async def _prepare(
        self, envelope: Envelope, raw: bytes, session: SessionInfo, profile: Profile, *, junk: bool
    ) -> Filing:
        now = self._clock.now()
        marked = trace_fields.mark(raw, envelope, session, self._hostname, profile, now)
        prepared = await self._store.run(partial(append.prepare, marked))
        trusted = profile in ("fetched", "import")
        return Filing(
            prepared,
            mailbox=envelope.mailbox,
            junk=junk,
            flags=envelope.flags,
            internaldate=envelope.internaldate or now,
            envelope_id=envelope.envelope_id if trusted else None,
        )

    async def _hand_over(self, envelope: Envelope, raw: bytes, session: SessionInfo, filed: dict[int, Filed]) -> None:
        """Queue what failed for now when something else is stored: SMTP has one answer, and it will be 250.

        By the account's own address: an alias may lead to others that have the message already.
        """
        failed = [account for account, outcome in filed.items() if outcome is not Filed.DONE]
        if not failed or len(failed) == len(filed):
            return
        found = [await self._directory.account(account) for account in failed]
        later = tuple(account.address for account in found if account is not None)
        onward = trace_fields.received(envelope, session, self._hostname, self._clock.now()) + raw
        try:
            queue_id = await self._queue_submit(replace(envelope, recipients=later), onward, sender_account=None)
        except Exception:  # the peer hears 451 and keeps the message; who has it already gets it twice, nobody loses it
            log.exception("hand_over_failed")
            return
        reach("delivery.handed_over")
        log.warning("partly_queued", queue_id=queue_id, recipients=len(later))
        filed.update(dict.fromkeys(failed, Filed.DONE))


def _all_refused(envelope: Envelope, verdict: Verdict) -> list[Result]:
    reason = verdict.reason
    code, enhanced, text = (reason.code, reason.enhanced, reason.text) if reason else (451, "4.7.1", "Try again later")
    return [Result(address, False, code, enhanced, text) for address in envelope.recipients]


def _answer(found: Addressee | Refusal, filed: Mapping[int, Filed]) -> Answer:
    """What is said of one address: delivered only when every account behind it has the message."""
    if isinstance(found, Refusal):
        return ANSWERS[found]
    outcomes = [filed[r.account] for r in found.accounts]
    return next((ANSWERS[o] for o in outcomes if o is not Filed.DONE), DELIVERED)
