"""Delivery by a command while the mail role does not run: the same pipeline, without LMTP in between."""

from datetime import datetime

from server.cli.options import House
from server.clock import SystemClock
from server.delivery.envelope import Envelope, Result, SessionInfo
from server.delivery.pipeline import Pipeline


class DirectDelivery:
    """What the LMTP port does for a collected message."""

    def __init__(self, house: House) -> None:
        self._hostname = house.directory.hostname()
        self._pipeline = Pipeline(
            house.store, house.directory, _no_queue, SystemClock(), house.settings, hostname=self._hostname
        )

    async def deliver(
        self,
        recipient: str,
        raw: bytes,
        *,
        reverse_path: str,
        envelope_id: str,
        mailbox: str | None,
        arrived: datetime,
    ) -> Result:
        """Deliver one message to one recipient; the result is true after the commit."""
        envelope = Envelope(reverse_path, (recipient,), envelope_id=envelope_id, mailbox=mailbox, internaldate=arrived)
        session = SessionInfo("127.0.0.1", self._hostname, None, None, "LMTP")
        return (await self._pipeline.deliver(envelope, raw, session, profile="fetched"))[0]


async def _no_queue(*_: object, **__: object) -> str:
    """Only mail from strangers is handed over to the queue."""
    raise AssertionError
