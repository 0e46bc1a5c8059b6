"""What an account shows over POP3 (`account pop3`); joined to the group by `server.cli.people`."""

import time
from dataclasses import replace
from pathlib import Path

import click

from server.accounts import pop3_choice
from server.accounts.pop3_choice import Choice, Deleted
from server.cli.options import Failure, House, data_option, open_house
from server.store import mailboxes

_BECOMES = {
    Deleted.REMOVED: "is removed",
    Deleted.TRASH: "goes to the trash",
    Deleted.ARCHIVE: "goes to the archive",
}


@click.command("pop3")
@click.argument("address")
@click.option("--mailbox", metavar="NAME", help="Show this mailbox, all of it.")
@click.option("--label", metavar="LABEL", help="Show only what has this label (IMAP keyword) in the inbox.")
@click.option(
    "--on-delete",
    type=click.Choice([one.value for one in Deleted]),
    help="What becomes of a message that a program deletes.",
)
@click.option(
    "--delete-after",
    metavar="DAYS",
    type=click.IntRange(0, pop3_choice.MOST_DAYS),
    help="Move a message to the trash so many days after a program fetched it; 0 keeps it. Mail fetched before stays.",
)
@data_option
def account_pop3(
    address: str, mailbox: str | None, label: str | None, on_delete: str | None, delete_after: int | None, data: Path
) -> None:
    """Choose, or with no option tell, what ADDRESS shows by POP3, and what becomes of mail that programs fetch there."""
    if mailbox is not None and label is not None:
        raise click.UsageError("give --mailbox or --label, not both")
    with open_house(data) as house:
        found = house.account(address)
        choice = house.directory.read_now(lambda r: pop3_choice.of(r, found.id))
        if mailbox is not None:
            choice = replace(choice, mailbox=_mailbox(house, found.id, mailbox), label="")
        if label is not None:
            choice = replace(choice, mailbox=pop3_choice.INBOX, label=label)
        if on_delete is not None:
            choice = replace(choice, deleted=Deleted(on_delete))
        if delete_after is not None:
            choice = replace(choice, days=delete_after or None)
        now = int(time.time())
        house.directory.write_now(lambda w: pop3_choice.put(w, found.id, choice, now=now))
        click.echo(f"{found.address} by POP3: {_sentence(choice)}")


def _mailbox(house: House, account: int, name: str) -> str:
    known = house.store.read_now(account, lambda r: mailboxes.find(r, name))
    if known is None:
        raise Failure(f"There is no mailbox {name}")
    if known.rule is not None:
        raise Failure(f"{known.name} is a virtual mailbox, which POP3 cannot show; choose a real one, or a label.")
    return known.name


def _sentence(choice: Choice) -> str:
    shown = f"{choice.mailbox}, only mail with the label {choice.label}" if choice.label else f"all of {choice.mailbox}"
    stays = "stays" if choice.days is None else f"goes to the trash {choice.days} days later"
    return f"{shown}; mail that was fetched {stays}, mail that a program deletes {_BECOMES[choice.deleted]}."
