"""What every command shares: the data folder, the settings, opening the house, and ending with one clear sentence."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from server.accounts.account import Account, by_address, canonical_address
from server.accounts.directory import Directory, open_database
from server.accounts.errors import AccountError, AccountUnknown
from server.clock import SystemClock
from server.config import SettingError, Settings, load
from server.db.errors import DatabaseError
from server.notify.bus import SilentBus, publish_once
from server.store.errors import StoreError
from server.store.store import Store
from server.supervisor import StartError, prepare_folder, started_with

Command = Callable[..., Any]


class Failure(click.ClickException):
    """One clear sentence on standard error, exit status 1."""

    def show(self, file: Any = None) -> None:
        click.secho(self.format_message(), file=file or sys.stderr, fg="red")


def data_option(function: Command) -> Command:
    """`--data DIR`, after the command's name: all the state there is lives in it."""
    return click.option(
        "--data",
        envvar="POSTHOUSE_DATA",
        default="data",
        show_default=True,
        type=click.Path(path_type=Path, file_okay=False),
        help="The folder that holds all state.",
    )(function)


def settings_of(data: Path) -> Settings:
    """Load the settings, as the running system has them if one runs, or end with the sentence that says what is wrong."""
    data = data.absolute()
    started = started_with(data)
    file = started.pop("config", None)
    try:
        return load(data, file=Path(file) if file else None, environ=os.environ, options=started)
    except SettingError as error:
        raise Failure(str(error)) from error


@contextlib.contextmanager
def sentences() -> Iterator[None]:
    """Turn what an administrator can mend into one sentence; anything else is a bug and keeps its traceback."""
    try:
        yield
    except (AccountError, DatabaseError, StoreError, StartError) as error:
        raise Failure(str(error)) from error


class PublishingBus(SilentBus):
    """The bus of a command: tells a running system what it changed, hears nothing."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir

    def publish(self, account: int, modseq: int) -> None:
        publish_once(self._run_dir, account, modseq)


@dataclass(frozen=True, slots=True)
class House:
    """The parts that commands need."""

    settings: Settings
    directory: Directory
    store: Store

    def account(self, address: str) -> Account:
        """Find an account; raises AccountError."""
        wanted = canonical_address(address)
        found = self.directory.read_now(lambda r: by_address(r, wanted))
        if found is None:
            raise AccountUnknown(wanted)
        return found


@contextlib.contextmanager
def open_house(data: Path) -> Iterator[House]:
    """Open the directory and the store of a data folder for one command."""
    settings = settings_of(data)
    with sentences():
        prepare_folder(settings.data)
        database = open_database(settings.directory_db)
        store = Store(settings, PublishingBus(settings.run_dir), SystemClock())
        try:
            yield House(settings, Directory(database, default_hostname=settings.hostname), store)
        finally:
            store.close()
            database.close()


def password_from_stdin() -> str:
    """Read a password from the first line of standard input; asks when a person sits there."""
    if sys.stdin.isatty():
        answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return answer
    return sys.stdin.readline().rstrip("\r\n")


def octets(text: str) -> int:
    """Read a size such as 500M or 5G."""
    units = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
    number, unit = (text[:-1], text[-1].upper()) if text and text[-1].upper() in units else (text, "")
    try:
        size = int(float(number) * units.get(unit, 1))
    except ValueError as error:
        raise click.BadParameter("write a size such as 500M or 5G") from error
    if size <= 0:
        raise click.BadParameter("a size is more than nothing")
    return size
