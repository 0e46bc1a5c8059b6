"""Mailboxes that people share with each other (RFC 4314), for the administrator. A running system follows at once."""

from collections.abc import Iterable
from pathlib import Path

import click

from server.accounts import share
from server.cli.options import Failure, House, data_option, open_house
from server.db.transaction import Reader, Writer
from server.store import acl, mailboxes
from server.store import rights as words
from server.store.acl import Entry
from server.store.model import Mailbox
from server.store.rights import Rights
from server.store.sharing import Sharing

ANYONE = "anyone"
KINDS = {"read": frozenset("lr"), "write": frozenset("lrswite"), "all": words.ALL}
"""`read` changes nothing, not even what is unread; `write` is all that concerns messages; `all` is as good as owning it."""


@click.group()
def mailbox() -> None:
    """Mailboxes that are shared."""


@mailbox.command("share")
@click.argument("owner")
@click.argument("name", metavar="MAILBOX")
@click.option("--with", "who", required=True, help="An address of this installation, or `anyone`: everybody in it.")
@click.option(
    "--rights", "rights_text", default="read", show_default=True, help="read, write, all, or letters of RFC 4314."
)
@click.option("--below", is_flag=True, help="Also the mailboxes below it. Those made there later are shared anyway.")
@data_option
def mailbox_share(owner: str, name: str, who: str, rights_text: str, below: bool, data: Path) -> None:
    """Let others use MAILBOX of the account OWNER, in place of what they could do with it before."""
    held = _rights(rights_text)
    with open_house(data) as house:
        whose = house.account(owner)
        grantee, written = _grantee(house, who)
        if grantee == whose.id:
            raise Failure(f"{whose.address} owns the mailbox and always has every right.")

        def give(w: Writer) -> None:
            for one in _chosen(w, name, below=below):
                acl.put(w, one.id, Entry(grantee, negative=False, rights=held))

        Sharing(house.store, house.directory).give_now(whose.id, grantee, give)
        place = f"Other Users/{whose.address}/{name}"
        click.echo(f"{written} has the rights {words.write_down(held)} on {name} of {whose.address} now, as {place}.")


@mailbox.command("unshare")
@click.argument("owner")
@click.argument("name", metavar="MAILBOX")
@click.option("--with", "who", help="Only with this one; without it, with nobody any more.")
@click.option("--below", is_flag=True, help="Also the mailboxes below it.")
@data_option
def mailbox_unshare(owner: str, name: str, who: str | None, below: bool, data: Path) -> None:
    """Take back what others may do with MAILBOX of the account OWNER; where they have it open, it is closed."""
    with open_house(data) as house:
        whose = house.account(owner)
        grantee, written = _grantee(house, who) if who is not None else (None, "Nobody")

        def take(w: Writer) -> None:
            for one in _chosen(w, name, below=below):
                for line in acl.entries(w, one.id):
                    if grantee in {None, line.grantee}:
                        acl.put(w, one.id, Entry(line.grantee, line.negative, words.NONE))

        Sharing(house.store, house.directory).take_now(whose.id, take)
        if who is None:
            click.echo(f"{name} of {whose.address} is shared with nobody now.")
        else:
            click.echo(f"{written} has no rights of its own on {name} of {whose.address} any more.")


@mailbox.command("list")
@click.argument("owner")
@data_option
def mailbox_list(owner: str, data: Path) -> None:
    """List the mailboxes of the account OWNER that others have rights on."""
    with open_house(data) as house:
        whose = house.account(owner)
        lines = house.store.read_now(whose.id, _lists)
        names = house.directory.read_now(lambda r: share.addresses(r, {line.grantee for _, line in lines}))
        names[acl.ANYONE] = ANYONE
        for name, line in lines:
            who = ("-" if line.negative else "") + names.get(line.grantee, "(an account that is gone)")
            click.echo(f"{name}  {who}  {words.write_down(line.rights)}")
        shared = len({name for name, _ in lines})
        click.echo(f"{shared} of the mailboxes of {whose.address} are shared.")


def _lists(r: Reader) -> list[tuple[str, Entry]]:
    return [(one.name, line) for one in mailboxes.list_all(r) for line in acl.entries(r, one.id)]


def _chosen(r: Reader, name: str, *, below: bool) -> Iterable[Mailbox]:
    found = mailboxes.find(r, name)
    if found is None:
        raise Failure(f"There is no mailbox {name} in this account; write its whole name, with / between levels.")
    if not below:
        return [found]
    start = found.name + mailboxes.SEPARATOR
    return [found, *(one for one in mailboxes.list_all(r) if one.name.startswith(start))]


def _grantee(house: House, who: str) -> tuple[int, str]:
    """Who is meant, and how that is said."""
    if who.casefold() == ANYONE:
        return acl.ANYONE, "Everybody"
    found = house.directory.read_now(lambda r: share.grantee(r, who))
    if found is None:
        raise Failure(f"There is no account {who} here; write an address of this installation, or anyone.")
    return found, house.directory.read_now(lambda r: share.addresses(r, {found}))[found]


def _rights(text: str) -> Rights:
    if text in KINDS:
        return KINDS[text]
    if not text or not words.ALL.issuperset(text):
        raise Failure(f"Write read, write, all, or some of the letters {words.ORDER} as rights.")
    return frozenset(text)
