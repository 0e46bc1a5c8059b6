"""`python app.py source ...`: outside accounts from the command line."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from fetcher import account as sources
from fetcher import now as collecting
from fetcher.account import NewSource, Source, SourceInvalid
from fetcher.deliver import Deliverer, Letter, LmtpDeliverer, Outcome, Receipt
from fetcher.errors import FetchError
from fetcher.run import Kit, Report
from server import log
from server.cli.direct import DirectDelivery
from server.cli.options import Failure, House, data_option, open_house, password_from_stdin
from server.clock import SystemClock
from server.db.transaction import Writer
from server.notify.bus import SOURCES, poke_once
from server.supervisor import alive

WHY = {
    "empty": "it is needed",
    "long": "it is too long",
    "bad": "it cannot be used",
    "exists": "this account is collected already",
    "many": "there are as many as are allowed",
}


@click.group()
def source() -> None:
    """Accounts elsewhere whose mail is collected."""


@source.command("add")
@click.argument("address")
@click.option("--protocol", type=click.Choice(["pop3", "imap"]), default="pop3", show_default=True)
@click.option("--host", required=True, help="The provider's server.")
@click.option("--port", type=int, help="Its port.  [default: 995 with TLS, else 110]")
@click.option("--tls", type=click.Choice(sources.TLS_CHOICES), default="implicit", show_default=True)
@click.option("--username", required=True, help="The name to sign in with there.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
@click.option("--mailbox", default="INBOX", show_default=True, help="Where the mail goes; made when it is not there.")
@click.option("--name", default="", help="What to call this account.")
@click.option(
    "--leave", is_flag=True, help="Leave the mail there; without it what has been collected is deleted there."
)
@click.option("--private", is_flag=True, help="The server may be one of the own network.")
@data_option
def add(address: str, data: Path, password_stdin: bool, protocol: str, private: bool, **form: Any) -> None:
    """Collect an account elsewhere for the account ADDRESS."""
    if protocol == "imap":
        raise Failure("Accounts are collected by POP3 so far; give the provider's POP3 server with --protocol pop3.")
    secret = password_from_stdin() if password_stdin else click.prompt("Password", hide_input=True)
    form["port"] = form["port"] or (995 if form["tls"] == "implicit" else 110)
    with open_house(data) as house:
        owner = house.account(address)
        new = NewSource(
            account_id=owner.id,
            recipient=owner.address,
            address=form["username"] if "@" in form["username"] else "",
            private_ok=private,
            **form,
        )
        ring = sources.keyring(house.settings)
        made = _change(house, lambda w: sources.create(w, new, secret, ring, now=SystemClock().now()))
        click.echo(f"Source {made}: the mail of {new.username} at {new.host} goes to {owner.address} from now on.")


@source.command("list")
@click.argument("address")
@data_option
def list_sources(address: str, data: Path) -> None:
    """List the sources of ADDRESS and how they are."""
    with open_house(data) as house:
        for one in _of(house, address):
            trouble = f"  {one.trouble.sentence} {one.trouble.remedy}" if one.trouble else ""
            click.echo(
                f"{one.id}  {one.username} at {one.host}:{one.port}  {one.state}  {one.delivered_count} collected{trouble}"
            )


@source.command("fetch")
@click.argument("address")
@data_option
def fetch(address: str, data: Path) -> None:
    """Collect the sources of ADDRESS now, wait for the end, and say what was done."""
    log.configure(level="error")  # the report says it in better words
    with open_house(data) as house:
        _of(house, address)
        account_id = house.account(address).id
        reports = asyncio.run(_collect(house, account_id))
    if not reports:
        click.echo(f"{address} has no sources.")
    for report in reports:
        click.echo(_sentence(report), err=report.error is not None)
    if any(report.error is not None for report in reports):
        raise SystemExit(1)


@source.command("remove")
@click.argument("address")
@click.argument("number", type=int)
@data_option
def remove(address: str, number: int, data: Path) -> None:
    """Stop collecting source NUMBER of ADDRESS; what was collected stays."""
    with open_house(data) as house:
        if number not in {one.id for one in _of(house, address)}:
            raise Failure(f"{address} has no source {number}; `source list {address}` shows them.")
        _change(house, lambda w: sources.delete(w, number))
        click.echo(f"Source {number} is collected no more.")


def _of(house: House, address: str) -> list[Source]:
    sources.ensure_tables(house.settings.directory_db)
    owner = house.account(address)
    return list(house.directory.read_now(lambda r: sources.list_for(r, owner.id)))


def _change(house: House, act: Callable[[Writer], Any]) -> Any:
    sources.ensure_tables(house.settings.directory_db)
    try:
        result = house.directory.write_now(act)
    except SourceInvalid as error:
        raise Failure(f"The {error.field} is refused: {WHY[error.reason]}.") from error
    except FetchError as error:
        raise Failure(f"{error.trouble.sentence} {error.trouble.remedy}") from error
    poke_once(house.settings.run_dir, SOURCES)
    return result


async def _collect(house: House, account_id: int) -> list[Report]:
    running = alive(house.settings.data, "mail")
    direct = None if running else DirectDelivery(house)

    def make() -> Deliverer:
        return LmtpDeliverer("127.0.0.1", house.settings.ports.lmtp) if direct is None else _Direct(direct)

    kit = Kit(house.settings, house.directory.database, SystemClock(), make)
    return await collecting.fetch_all(kit, account_id)


class _Direct:
    """A Deliverer for a stopped system."""

    def __init__(self, delivery: DirectDelivery) -> None:
        self._delivery = delivery

    async def deliver(self, letter: Letter) -> Receipt:
        result = await self._delivery.deliver(
            letter.recipient,
            letter.raw,
            reverse_path=letter.reverse_path,
            envelope_id=letter.envelope_id,
            mailbox=None if letter.mailbox.upper() == "INBOX" else letter.mailbox,
            arrived=letter.arrived,
        )
        if result.ok:
            return Receipt(Outcome.DELIVERED, "", result.text)
        if result.code < 500:
            return Receipt(Outcome.DEFERRED, "over-quota" if result.code == 452 else "delivery-deferred", result.text)
        if result.enhanced == "5.1.1":
            raise FetchError("delivery-recipient", result.text)
        return Receipt(Outcome.REFUSED, "message-refused", f"{result.code} {result.text}")

    async def close(self) -> None:
        """Nothing is held open."""


def _sentence(report: Report) -> str:
    facts = [f"{report.delivered} collected"]
    facts += [f"{report.duplicates} were here already"] if report.duplicates else []
    facts += [f"{report.refused} refused"] if report.refused else []
    facts += [f"{report.removed} deleted there"] if report.removed else []
    text = f"{report.name}: {', '.join(facts)}, {report.remote} at the provider, {report.seconds:.1f} s."
    if report.error is None:
        return text
    words = f" ({report.error.detail})" if report.error.detail else ""
    return f"{text} {report.error.trouble.sentence} {report.error.trouble.remedy}{words}"
