"""A queue that keeps what it was given, or refuses all of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Submitted:
    envelope: object
    raw: bytes
    sender_account: int | None
    key: str | None


class FakeQueue:
    def __init__(self):
        self.submitted: list[Submitted] = []
        self.failure: Exception | None = None

    async def submit(self, envelope, raw, *, sender_account, not_before=None, key=None):
        if self.failure is not None:
            raise self.failure
        self.submitted.append(Submitted(envelope, raw, sender_account, key))
        return f"Q{len(self.submitted)}"
