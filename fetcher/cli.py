"""Outside accounts from the command line."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import click

from fetcher import account as sources
from fetcher import now
from fetcher.account import NewSource, SourceInvalid
from fetcher.deliver import LmtpDeliverer
from fetcher.errors import FetchError
from fetcher.run import Kit, Report
from server.cli.options import Failure, House, data_option, open_house, password_from_stdin
from server.clock import SystemClock
from server.config import Settings
from server.notify.bus import SOURCES, poke_once
from server.supervisor import alive

DoorMaker = Callable[[Settings], AbstractAsyncContextManager[int]]
"""Opens a door for LMTP while the mail role does not run; gives the port. `app.py` brings it as the context's object."""

REASONS = {
    "empty": "must not be empty",
    "long": "is too long",
    "bad": "cannot be used",
    "exists": "is collected already",
    "many": "is one too many for this account",
}


@click.group()
def source() -> None:
    """Mail that people have elsewhere."""


@source.command("add")
@click.argument("address")
@click.option(
    "--protocol",
    type=click.Choice(sources.PROTOCOLS),
    default="pop3",
    show_default=True,
    help="How the provider is asked.",
)
@click.option("--host", required=True, help="The provider's server.")
@click.option(
    "--port", type=int, help="Its port.  [default: 995 for pop3, 993 for imap; 110 or 143 without implicit TLS]"
)
@click.option(
    "--tls",
    type=click.Choice(["implicit", "starttls", "none"]),
    default="implicit",
    show_default=True,
    help="How the connection is protected.",
)
@click.option("--username", required=True, help="The name to sign in with.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
@click.option(
    "--leave", is_flag=True, help="Leave the mail at the provider; without it, it is removed once it is safely here."
)
@click.option("--mailbox", default="INBOX", show_default=True, help="Where the mail goes.")
@click.option("--name", default="", help="What the account is called on the page.")
@data_option
def source_add(
    address: str,
    protocol: str,
    host: str,
    port: int | None,
    tls: str,
    username: str,
    password_stdin: bool,
    leave: bool,
    mailbox: str,
    name: str,
    data: Path,
) -> None:
    """Collect an outside account into the account ADDRESS from now on."""
    password = password_from_stdin() if password_stdin else click.prompt("Password", hide_input=True)
    with _open(data) as house:
        owner = house.account(address)
        new = NewSource(
            account_id=owner.id,
            recipient=owner.address,
            protocol=protocol,
            host=host,
            port=port or sources.STANDARD_PORTS[protocol][tls],
            tls=tls,
            username=username,
            name=name,
            address=username if "@" in username else "",
            mailbox=mailbox,
            leave=leave,
            # Whoever has this command line is the administrator, who may collect from a server inside the house.
            private_ok=True,
        )
        ring = sources.keyring(house.settings)
        try:
            house.directory.write_now(lambda w: sources.create(w, new, password, ring, now=SystemClock().now()))
        except SourceInvalid as error:
            raise Failure(f"{error.field} {REASONS.get(error.reason, error.reason)}.") from error
        except FetchError as error:
            raise Failure(str(error)) from error
        poke_once(house.settings.run_dir, SOURCES)
        click.echo(f"{username} at {host} is collected into {owner.address} from now on.")


@source.command("list")
@click.argument("address")
@data_option
def source_list(address: str, data: Path) -> None:
    """Show the outside accounts of ADDRESS and how they stand."""
    with _open(data) as house:
        owner = house.account(address)
        for one in house.directory.read_now(lambda r: sources.list_for(r, owner.id)):
            trouble = f"  {one.error_text or one.trouble.sentence if one.trouble else ''}" if one.error_code else ""
            click.echo(
                f"{one.id}  {one.username} at {one.host}:{one.port}  {one.state}  {one.delivered_count} collected{trouble}"
            )


@source.command("remove")
@click.argument("address")
@click.argument("source_id", type=int)
@data_option
def source_remove(address: str, source_id: int, data: Path) -> None:
    """Stop collecting SOURCE_ID (see `source list`); what was collected stays."""
    with _open(data) as house:
        owner = house.account(address)
        if house.directory.read_now(lambda r: sources.by_id(r, source_id, owner.id)) is None:
            raise Failure(f"{owner.address} has no source {source_id}; `source list` shows what there is.")
        house.directory.write_now(lambda w: sources.delete(w, source_id))
        click.echo("It is not collected any more.")


@source.command("fetch")
@click.argument("address")
@data_option
@click.pass_obj
def source_fetch(make_door: DoorMaker, address: str, data: Path) -> None:
    """Collect the outside accounts of ADDRESS now, wait, and say what was done."""
    with _open(data) as house:
        owner = house.account(address)
        reports = asyncio.run(_fetch(house, owner.id, make_door))
    if not reports:
        click.echo(f"{owner.address} has no outside accounts.")
    for report in reports:
        click.echo(_said(report))
    if any(report.error for report in reports):
        raise Failure("Not everything could be collected.")


def _said(report: Report) -> str:
    removed = f", {report.removed} removed there" if report.removed else ""
    refused = f", {report.refused} refused" if report.refused else ""
    again = f", {report.duplicates} were here already" if report.duplicates else ""
    error = f": {report.error}" if report.error else ""
    return f"{report.name}: {report.delivered} collected{again}{refused}{removed} in {report.seconds:.1f} s{error}"


async def _fetch(house: House, account_id: int, make_door: DoorMaker) -> list[Report]:
    async with _door(house.settings, make_door) as port:
        kit = Kit(house.settings, house.directory.database, SystemClock(), lambda: LmtpDeliverer("127.0.0.1", port))
        return await now.fetch_all(kit, account_id)


@contextlib.asynccontextmanager
async def _door(settings: Settings, make_door: DoorMaker) -> AsyncIterator[int]:
    if alive(settings.data, "mail"):
        yield settings.ports.lmtp
    else:
        async with make_door(settings) as port:
            yield port


@contextlib.contextmanager
def _open(data: Path) -> Iterator[House]:
    with open_house(data) as house:
        sources.ensure_tables(house.settings.directory_db)
        yield house
