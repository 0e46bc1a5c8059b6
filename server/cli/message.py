"""Messages from files."""

import sys
from pathlib import Path

import click

from server.admin import importing
from server.cli.options import Failure, data_option, open_house
from server.clock import SystemClock


@click.group()
def message() -> None:
    """Messages from files."""


@message.command("import")
@click.argument("address")
@click.argument("source", metavar="FILE|MAILDIR|-")
@click.option("--mailbox", default="INBOX", show_default=True, help="Where they go; made when it is not there.")
@data_option
def message_import(address: str, source: str, mailbox: str, data: Path) -> None:
    """Bring a message, an mbox or a Maildir into the account ADDRESS. Running it again adds only what is missing."""
    path = Path(source)
    if source != "-" and not path.exists():
        raise Failure(f"There is no file or folder {source}.")
    if path.is_dir() and not (path / "cur").is_dir():
        raise Failure(f"{source} is not a Maildir: it has no folder `cur` in it.")
    messages = importing.from_octets(sys.stdin.buffer.read()) if source == "-" else importing.read(path)

    def step(tally: importing.Tally) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{tally.stored + tally.present}", nl=False, err=True)

    try:
        with open_house(data) as house:
            now = SystemClock().now()
            tally = importing.store(house.store, house.account(address).id, mailbox, messages, now, step)
    except OSError as error:
        raise Failure(f"{error.filename or source} cannot be read ({error.strerror}).") from error
    click.echo(f"{tally.stored} messages imported into {mailbox}, {tally.present} were there already.")
