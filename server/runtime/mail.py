"""The mail role: SMTP, submission, LMTP, IMAP and POP3, and the last days of mail that POP3 programs took."""

import asyncio

from server.accounts.credential import Authenticator
from server.accounts.pop3_choice import Choices
from server.config import Settings
from server.delivery.pipeline import Pipeline
from server.imap import listener as imap
from server.log import get_logger
from server.net.limits import ConnectionLimits
from server.net.listener import Listener, close_all
from server.net.tls import server_context
from server.pop3 import listener as pop3
from server.pop3.expiry import Expiry
from server.runtime.house import DRAIN_GRACE, House, open_house, run, stop_asked, until_asked_or_renamed
from server.smtp import listener as smtp
from server.store.store import Store
from server.supervisor import ready

log = get_logger("mail")


def run_mail(settings: Settings) -> None:
    """Serve SMTP, submission, LMTP, IMAP and POP3 until asked to stop."""

    async def main() -> None:
        asked = stop_asked()
        async with open_house(settings) as house:
            store = Store(settings, house.bus, house.clock)
            authenticator = Authenticator(house.directory, house.clock, house.bus)
            expiry = asyncio.create_task(Expiry(house.directory.database, store, house.clock).run())
            try:
                while await _serve(house, store, authenticator, asked):
                    log.info("renamed")
            finally:
                expiry.cancel()
                await asyncio.gather(expiry, return_exceptions=True)
                authenticator.close()
                store.close()

    run(main)


async def _serve(house: House, store: Store, authenticator: Authenticator, asked: asyncio.Event) -> bool:
    """Serve under the name of now; True when that has changed and the listeners must greet by another."""
    hostname = house.directory.hostname()
    listeners = await _listen(house, store, authenticator, hostname)
    with ready(house.settings.data, "mail"):
        log.info("mail_ready", hostname=hostname, ports=[one.port for one in listeners])
        renamed = await until_asked_or_renamed(asked, house.directory, hostname)
        await close_all(listeners, DRAIN_GRACE)
    return renamed


async def _listen(house: House, store: Store, authenticator: Authenticator, hostname: str) -> list[Listener]:
    settings, directory = house.settings, house.directory
    tls = server_context(settings, hostname)
    limits = ConnectionLimits.of(settings.limits)
    pipeline = Pipeline(store, directory, house.queue.submit, house.clock, settings, hostname=hostname)
    listeners = await smtp.start(settings, pipeline, house.queue, directory, authenticator, tls, limits)
    listeners += await imap.start(settings, store, directory, authenticator, house.bus, tls, limits)
    choices = Choices(directory.database, house.clock)
    listeners += await pop3.start(settings, store, authenticator, choices, house.clock, tls, limits)
    return listeners
