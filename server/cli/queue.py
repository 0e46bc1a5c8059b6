"""The outbound queue."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click

from server.accounts.directory import open_database
from server.cli.options import Failure, data_option, sentences, settings_of
from server.clock import SystemClock
from server.notify.bus import poke_once
from server.queue import spool
from server.queue.admin import Admin
from server.queue.submit import Queue
from server.supervisor import prepare_folder

T = TypeVar("T")


def _with_queue(data: Path, action: Callable[[Admin], Awaitable[T]]) -> T:
    settings = settings_of(data)

    async def run() -> T:
        database = open_database(settings.directory_db, spool.SCHEMA)
        try:
            queue = Queue(database, settings.queue_dir, SystemClock(), lambda topic: poke_once(settings.run_dir, topic))
            return await action(Admin(queue))
        finally:
            database.close()

    with sentences():
        prepare_folder(settings.data)
        return asyncio.run(run())


@click.group()
def queue() -> None:
    """Mail that waits to go out."""


@queue.command("list")
@data_option
def queue_list(data: Path) -> None:
    """Show every recipient that waits: its message, state, next attempt and the last answer."""
    entries = _with_queue(data, lambda a: a.entries())
    for entry in entries:
        when = datetime.fromtimestamp(entry.next_attempt, UTC).strftime("%Y-%m-%d %H:%M") if entry.next_attempt else "-"
        click.echo(
            f"{entry.queue_id}  {entry.state:9}  {when}  {entry.sender or '<>'} -> {entry.recipient}  {entry.last_reply}".rstrip()
        )
    if not entries:
        click.echo("The queue is empty.")


@queue.command("retry")
@click.argument("queue_id", default="all")
@data_option
def queue_retry(queue_id: str, data: Path) -> None:
    """Try QUEUE_ID (or everything) now, also what is held."""
    count = _with_queue(data, lambda a: a.retry(queue_id))
    if not count and queue_id != "all":
        raise Failure(f"There is no message {queue_id} in the queue; `queue list` shows what there is.")
    click.echo(f"{count} recipients are tried now.")


@queue.command("hold")
@click.argument("queue_id", default="all")
@data_option
def queue_hold(queue_id: str, data: Path) -> None:
    """Keep QUEUE_ID (or everything) from going out until `retry`."""
    count = _with_queue(data, lambda a: a.hold(queue_id))
    if not count and queue_id != "all":
        raise Failure(f"There is no message {queue_id} in the queue; `queue list` shows what there is.")
    click.echo(f"{count} recipients are held.")


@queue.command("cancel")
@click.argument("queue_id")
@data_option
def queue_cancel(queue_id: str, data: Path) -> None:
    """Take QUEUE_ID out of the queue without a report to its sender."""
    if not _with_queue(data, lambda a: a.cancel(queue_id)):
        raise Failure(
            f"{queue_id} is not in the queue, or is on its way this moment; `queue list` shows what there is."
        )
    click.echo(f"{queue_id} is cancelled.")
