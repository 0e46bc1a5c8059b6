"""Domains and accounts."""

from pathlib import Path

import click

from server.accounts import account as accounts
from server.accounts import remembered_device, second_factor
from server.accounts import token as tokens
from server.accounts.directory import set_hostname
from server.cli.options import data_option, octets, open_house, password_from_stdin
from server.cli.pop3 import account_pop3
from server.db.transaction import Writer
from server.store import quota as quotas


@click.group()
def domain() -> None:
    """Mail domains of this house."""


@domain.command("add")
@click.argument("name")
@data_option
def domain_add(name: str, data: Path) -> None:
    """Serve mail for the domain NAME."""
    with open_house(data) as house:
        click.echo(f"Mail for {house.directory.write_now(lambda w: accounts.add_domain(w, name))} is served here now.")


@domain.command("list")
@data_option
def domain_list(data: Path) -> None:
    """List the domains."""
    with open_house(data) as house:
        for name in house.directory.read_now(accounts.domains):
            click.echo(name)


@domain.command("host")
@click.argument("name")
@data_option
def domain_host(name: str, data: Path) -> None:
    """Go by the host name NAME: in greetings, reports and the self-made certificate. A running system follows."""
    with open_house(data) as house:
        house.directory.write_now(lambda w: set_hostname(w, name))
        click.echo(f"This installation goes by {house.directory.hostname()} now.")


@click.group()
def account() -> None:
    """People and their mail."""


account.add_command(account_pop3)


@account.command("add")
@click.argument("address")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
@click.option("--name", default="", help="The person's name.")
@click.option("--quota", "quota_text", help="The most their mail may take, such as 5G.")
@click.option("--admin", is_flag=True, help="May administer this installation.")
@data_option
def account_add(address: str, password_stdin: bool, name: str, quota_text: str | None, admin: bool, data: Path) -> None:
    """Make the account ADDRESS."""
    quota = octets(quota_text) if quota_text else None
    password = (
        password_from_stdin() if password_stdin else click.prompt("Password", hide_input=True, confirmation_prompt=True)
    )
    with open_house(data) as house:
        made = house.directory.write_now(
            lambda w: accounts.add_account(w, address, password, name=name, admin=admin, quota=quota)
        )
        house.store.write_now(made.id, lambda w: quotas.set_limit(w, quota))
        click.echo(f"{made.address} can sign in now.")


@account.command("list")
@data_option
def account_list(data: Path) -> None:
    """List the accounts."""
    with open_house(data) as house:
        for found in house.directory.read_now(accounts.all_accounts):
            marks = ", ".join(word for word, on in (("administrator", found.admin), ("off", not found.active)) if on)
            click.echo(found.address + (f"  ({marks})" if marks else ""))


@account.command("password")
@click.argument("address")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
@data_option
def account_password(address: str, password_stdin: bool, data: Path) -> None:
    """Set a new password for ADDRESS and end all of its sessions and app passwords."""
    password = (
        password_from_stdin() if password_stdin else click.prompt("Password", hide_input=True, confirmation_prompt=True)
    )
    with open_house(data) as house:
        found = house.account(address)

        def change(w: Writer) -> None:
            accounts.set_password(w, found.id, password)
            _end_everything(w, found.id)

        house.directory.write_now(change)
        click.echo(f"{found.address} has a new password; its sessions and app passwords are ended.")


def _end_everything(w: Writer, account_id: int) -> None:
    tokens.revoke_all(w, account_id)
    remembered_device.forget_all(w, account_id)


@account.command("second-factor-off")
@click.argument("address")
@data_option
def account_second_factor_off(address: str, data: Path) -> None:
    """Ask ADDRESS for no code any more, for a person who lost phone and recovery codes. All of its sessions are ended.

    Make sure first that it is this person who asks.
    """
    with open_house(data) as house:
        found = house.account(address)

        def change(w: Writer) -> bool:
            was_on = second_factor.turn_off(w, found.id, by_administrator=True)
            if was_on:
                _end_everything(w, found.id)
            return was_on

        if not house.directory.write_now(change):
            click.echo(f"{found.address} has no second factor; nothing is changed.")
            return
        click.echo(f"{found.address} signs in by the password alone now; its sessions and app passwords are ended.")


@account.command("off")
@click.argument("address")
@data_option
def account_off(address: str, data: Path) -> None:
    """Switch ADDRESS off: nobody signs in, all of its sessions are ended, its mail stays."""
    with open_house(data) as house:
        found = house.account(address)
        house.directory.write_now(lambda w: accounts.set_active(w, found.id, active=False))
        click.echo(f"{found.address} is off; its sessions are ended.")


@account.command("on")
@click.argument("address")
@data_option
def account_on(address: str, data: Path) -> None:
    """Switch ADDRESS on again."""
    with open_house(data) as house:
        found = house.account(address)
        house.directory.write_now(lambda w: accounts.set_active(w, found.id, active=True))
        click.echo(f"{found.address} can sign in again.")


@account.command("alias")
@click.argument("alias")
@click.argument("address")
@data_option
def account_alias(alias: str, address: str, data: Path) -> None:
    """Let mail for ALIAS (or @DOMAIN, the catch-all) go to the account ADDRESS."""
    with open_house(data) as house:
        found = house.account(address)
        house.directory.write_now(lambda w: accounts.add_alias(w, alias, found.id))
        click.echo(f"Mail for {alias} goes to {found.address} now.")
