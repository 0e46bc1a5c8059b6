"""Keeping an installation well: verify, doctor, backup, restore."""

import json as jsons
import sys
from dataclasses import asdict
from pathlib import Path

import click

from server.accounts import account as accounts
from server.accounts.directory import Directory, open_database
from server.admin import backup as backups
from server.admin.doctor import examine
from server.cli.options import Failure, data_option, open_house, sentences, settings_of
from server.dns.resolver import SystemResolver
from server.store.sharing import is_hidden
from server.store.verify import verify as verify_store
from server.supervisor import prepare_folder

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "bad": ("✗", "red")}


@click.command()
@click.option("--repair", is_flag=True, help="Mend what can be mended; nothing readable is thrown away.")
@data_option
def verify(repair: bool, data: Path) -> None:
    """Compare every mailbox with its messages, its counters and its index; exit status 1 when something is wrong."""
    wrong = 0
    with open_house(data) as house:
        for person in house.directory.read_now(accounts.all_accounts):
            for finding in verify_store(house.store.folder(person.id) / "mail.db", repair=repair):
                wrong += not finding.repaired
                click.echo(f"{person.address}: {finding.text}" + ("  (mended)" if finding.repaired else ""))
            if is_hidden(house.store, house.directory, person.id, repair=repair):
                wrong += not repair
                click.echo(f"{person.address}: Not everybody finds what is shared." + ("  (mended)" if repair else ""))
    if wrong:
        raise Failure(
            f"{wrong} findings." + ("" if repair else " `python app.py verify --repair` mends what can be mended.")
        )
    click.echo("Everything is as it should be.")


@click.command()
@click.option("--json", is_flag=True, help="For programs.")
@data_option
def doctor(json: bool, data: Path) -> None:
    """Check this installation, each finding with its remedy; exit status 1 when something is bad."""
    settings = settings_of(data)
    with sentences():
        prepare_folder(settings.data)
        database = open_database(settings.directory_db)
        try:
            findings = examine(settings, Directory(database, default_hostname=settings.hostname), SystemResolver())
        finally:
            database.close()
    if json:
        click.echo(jsons.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            mark, colour = MARKS[finding.state]
            click.echo(f"{click.style(mark, fg=colour)} {finding.name:<24} {finding.saw}")
            if finding.remedy:
                click.echo(f"  {'':<24} → {finding.remedy}")
    sys.exit(any(finding.state == "bad" for finding in findings))


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--with-key", is_flag=True, help="Put the key that seals other providers' passwords into the same archive."
)
@data_option
def backup(file: Path, with_key: bool, data: Path) -> None:
    """Write everything into the archive FILE while the system runs."""
    try:
        count = backups.take(settings_of(data), file.absolute(), with_key=with_key)
    except backups.BackupError as error:
        raise Failure(str(error)) from error
    key = (
        ""
        if with_key
        else " Keep DATA/secret.key in another safe place: without it, passwords of outside accounts are asked for again."
    )
    click.echo(f"{count} files are in {file}.{key}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@data_option
def restore(file: Path, data: Path) -> None:
    """Unpack the archive FILE into an empty data folder."""
    try:
        count = backups.restore(file, data.absolute())
    except backups.BackupError as error:
        raise Failure(str(error)) from error
    click.echo(f"{count} files are restored into {data}.")
