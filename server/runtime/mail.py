"""The mail role: SMTP, submission, LMTP, IMAP and POP3."""

from server.accounts.credential import Authenticator
from server.config import Settings
from server.delivery.pipeline import Pipeline
from server.imap import listener as imap
from server.log import get_logger
from server.net.limits import ConnectionLimits
from server.net.listener import Listener, close_all
from server.net.tls import server_context
from server.pop3 import listener as pop3
from server.runtime.house import DRAIN_GRACE, House, open_house, run, until_asked
from server.smtp import listener as smtp
from server.store.store import Store
from server.supervisor import ready

log = get_logger("mail")


def run_mail(settings: Settings) -> None:
    """Serve SMTP, submission, LMTP, IMAP and POP3 until asked to stop."""

    async def main() -> None:
        async with open_house(settings) as house:
            store = Store(settings, house.bus, house.clock)
            authenticator = Authenticator(house.directory, house.clock, house.bus)
            try:
                listeners = await _listen(house, store, authenticator)
                with ready(settings.data, "mail"):
                    log.info("mail_ready", ports=[one.port for one in listeners])
                    await until_asked()
                    await close_all(listeners, DRAIN_GRACE)
            finally:
                authenticator.close()
                store.close()

    run(main)


async def _listen(house: House, store: Store, authenticator: Authenticator) -> list[Listener]:
    settings, directory = house.settings, house.directory
    hostname = directory.hostname()
    tls = server_context(settings, hostname)
    limits = ConnectionLimits.of(settings.limits)
    pipeline = Pipeline(store, directory, house.queue.submit, house.clock, settings, hostname=hostname)
    listeners = await smtp.start(settings, pipeline, house.queue, directory, authenticator, tls, limits)
    listeners += await imap.start(settings, store, directory, authenticator, house.bus, tls, limits)
    listeners += await pop3.start(settings, store, authenticator, tls, limits)
    return listeners
