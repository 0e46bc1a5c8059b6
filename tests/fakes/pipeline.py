"""A pipeline that keeps what was delivered and answers as told."""

from dataclasses import dataclass

from server.delivery.envelope import Result
from server.delivery.recipients import Addressee, Refusal, resolve
from server.delivery.verdict import Action, Verdict


@dataclass(frozen=True)
class Delivered:
    envelope: object
    raw: bytes
    session: object
    profile: str


class FakePipeline:
    """`answers`: address -> (code, enhanced, text) of what is not to succeed; `full`: addresses over quota."""

    def __init__(self, directory):
        self.directory = directory
        self.delivered: list[Delivered] = []
        self.answers: dict[str, tuple[int, str, str]] = {}
        self.full: dict[str, Refusal] = {}
        self.failure: Exception | None = None
        self.verdict = Verdict(Action.ACCEPT, None)
        self.wait = None

    async def resolve(self, address, size) -> Addressee | Refusal:
        if address in self.full:
            return self.full[address]
        return await resolve(self.directory, None, address, size)

    async def judge(self, envelope, raw, session, *, profile):
        return self.verdict

    async def deliver(self, envelope, raw, session, *, profile, addressees=None):
        if self.failure is not None:
            raise self.failure
        if self.wait is not None:
            await self.wait()
        self.delivered.append(Delivered(envelope, raw, session, profile))
        good = (250, "2.0.0", "Delivered")
        answers = [self.answers.get(a, good) for a in envelope.recipients]
        return [
            Result(address, code < 300, code, enhanced, text)
            for address, (code, enhanced, text) in zip(envelope.recipients, answers, strict=True)
        ]
