"""Posthouse from the command line: the composition root.

`python app.py` (= `serve`) runs the three roles web, mail and worker under one supervisor. Each role can be started alone.
A command's code is imported when the command runs, so `--help` answers at once and the supervisor stays small.
"""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from server import log
from server.config import SettingError, Settings, load
from server.supervisor import (
    Role,
    StartError,
    Supervisor,
    allow_many_files,
    any_free_port,
    check_ports,
    is_free,
    only_one,
    prepare_folder,
    remember_options,
)

Command = Callable[..., Any]

LMTP_ADDRESS = "127.0.0.1"
ELSEWHERE = {
    "domain": "server.cli.people",
    "account": "server.cli.people",
    "source": "fetcher.cli",
    "mailbox": "server.cli.mailbox",
    "message": "server.cli.message",
    "queue": "server.cli.queue",
    "verify": "server.cli.care",
    "doctor": "server.cli.care",
    "backup": "server.cli.care",
    "restore": "server.cli.care",
}
"""Commands that live beside what they command."""


class Commands(click.Group):
    """The commands of this file, and those of ELSEWHERE when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *ELSEWHERE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in ELSEWHERE:
            found: click.Command = getattr(importlib.import_module(ELSEWHERE[cmd_name]), cmd_name)
            return found
        return super().get_command(ctx, cmd_name)


def serve_options(function: Command) -> Command:
    """Options shared by `serve` and the roles."""
    data = click.Path(path_type=Path, file_okay=False)
    for option in reversed(
        (
            click.option(
                "--data",
                envvar="POSTHOUSE_DATA",
                default="data",
                show_default=True,
                type=data,
                help="The folder that holds all state.",
            ),
            click.option(
                "--config",
                type=click.Path(path_type=Path, dir_okay=False),
                help="Settings file.  [default: DATA/posthouse.toml]",
            ),
            click.option("--bind", help="Address to listen on.  [default: 127.0.0.1]"),
            click.option("--port-offset", type=int, help="Added to every mail port; 0 in production.  [default: 2000]"),
            click.option("--web-port", type=int, help="Port of the web pages.  [default: 8080]"),
        )
    ):
        function = option(function)
    return function


def settings_of(data: Path, config: Path | None = None, **options: Any) -> Settings:
    """Load the settings or end with the sentence that says what is wrong."""
    try:
        return load(data.absolute(), file=config, environ=os.environ, options=options)
    except SettingError as error:
        raise click.ClickException(str(error)) from error


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Every command takes --data DIR after its name (or POSTHOUSE_DATA) and works on a running and on a stopped system.",
)
@click.pass_context
def cli(context: click.Context) -> None:
    """Posthouse: webmail, collector of outside accounts and mail server in one.

    Without a command it serves: web pages, mail ports and background work, until Ctrl-C.
    """
    os.umask(0o077)  # whatever is made, in the data folder or as an archive, is for its owner alone (security.md T048)
    allow_many_files()
    log.configure(level="error")  # a command speaks in sentences; roles choose their own level
    context.obj = open_door
    if context.invoked_subcommand is None:
        context.invoke(serve, data=Path(os.environ.get("POSTHOUSE_DATA", "data")))


def open_door(settings: Settings) -> AbstractAsyncContextManager[int]:
    """Open LMTP for a command on a stopped system (`source fetch`)."""
    from server.runtime import door

    return door.open_door(settings)


@cli.command()
@serve_options
@click.option("--demo", is_flag=True, help="Fill an empty data folder with a demo mail house.")
def serve(demo: bool = False, config: Path | None = None, **options: Any) -> None:
    """Run everything: web, mail and worker. SIGTERM or Ctrl-C stops cleanly."""
    settings = settings_of(config=config, **options)
    try:
        prepare_folder(settings.data)
        with only_one(settings.data):
            settings = _with_own_door(settings)
            check_ports(settings)
            _run(settings, config, demo=demo)
    except StartError as error:
        raise click.ClickException(str(error)) from error
    click.echo("Posthouse has stopped; everything accepted is on disk.")


def _with_own_door(settings: Settings) -> Settings:
    """In a trial, take any port for LMTP when the usual one is held: only our own roles and commands ever use it."""
    if not settings.is_loopback or settings.lmtp_port is not None or is_free(LMTP_ADDRESS, settings.ports.lmtp):
        return settings
    port = any_free_port(LMTP_ADDRESS)
    click.echo(f"Port {settings.ports.lmtp} is in use; LMTP, which only Posthouse itself speaks, takes {port}.")
    os.environ["POSTHOUSE_LMTP_PORT"] = str(port)  # for the roles, which are our children
    return replace(settings, lmtp_port=port)


def _run(settings: Settings, config: Path | None, *, demo: bool) -> None:
    told = {"bind": settings.bind, "port_offset": settings.port_offset, "web_port": settings.web_port}
    told |= {"lmtp_port": settings.lmtp_port}
    remember_options(settings.data, told | {"config": str(config.absolute()) if config else None})
    pid_file = settings.run_dir / "serve.pid"
    pid_file.write_text(f"{os.getpid()}\n")
    common = ["--data", str(settings.data), "--bind", settings.bind, "--port-offset", str(settings.port_offset)]
    common += ["--web-port", str(settings.web_port)] + (["--config", str(config.absolute())] if config else [])
    click.echo("Posthouse is starting ...")
    if demo:
        _finish(["demo", *common])
    order = (("mail", None), ("web", None), ("worker", "mail"))
    supervisor = Supervisor(settings.data, [Role(name, [__file__, name, *common], after) for name, after in order])
    try:
        supervisor.start()
        if not supervisor.stopping:
            _finish(["greet", *common, *(["--demo"] if demo else [])])
        supervisor.watch()
    finally:
        supervisor.stop()
        pid_file.unlink(missing_ok=True)


def _finish(arguments: list[str]) -> None:
    """Run one of our own commands to its end in a process of its own, so that the supervisor stays small."""
    if subprocess.run([sys.executable, __file__, *arguments], check=False).returncode:  # noqa: S603 - our own command line
        raise StartError(f"`{arguments[0]}` failed; the lines above say why.")


@cli.command(hidden=True)
@serve_options
@click.option("--demo", is_flag=True)
def greet(demo: bool, **options: Any) -> None:
    """Say where the pages are and how to get in."""
    from server.accounts.directory import open_database
    from server.admin.setup import is_fresh

    settings = settings_of(**options)
    address = settings.base_url or f"http://{settings.bind}:{settings.web_port}"
    database = open_database(settings.directory_db)
    fresh = database.read(is_fresh)
    database.close()
    p = settings.ports
    click.secho(f"\n  Posthouse is ready:  {address}/mail/", bold=True)
    if fresh:
        click.echo("  Nobody lives here yet: that page sets it up.")
    elif demo:
        from server.demo.house import ADDRESS, PASSWORD

        click.echo(f"  Sign in as           {ADDRESS}   with the password   {PASSWORD}")
    click.echo(
        f"  Mail programs        IMAP {p.imap}/{p.imaps}, POP3 {p.pop3}/{p.pop3s}, SMTP {p.submission}/{p.submissions} on {settings.bind}"
    )
    click.echo(f"  Data                 {settings.data}")
    click.echo("  Ctrl-C stops everything.\n")


@cli.command(hidden=True)
@serve_options
def demo(data: Path, **_options: Any) -> None:
    """Fill an empty installation with invented people, their mail, and an account elsewhere that is collected."""
    from fetcher import account as sources
    from server.cli.options import open_house
    from server.clock import SystemClock
    from server.demo import house as demo_house

    now = SystemClock().now()
    with open_house(data) as house:
        made = demo_house.fill(house.directory, house.store, now)
        if made is None:
            return
        iris, elsewhere = made
        source = sources.NewSource(
            account_id=iris.id,
            recipient=iris.address,
            host=house.settings.bind,
            port=house.settings.ports.pop3,
            tls="none",
            username=elsewhere.address,
            name="Nordlicht",
            address=elsewhere.address,
            colour="blue",
            private_ok=True,
        )
        sources.ensure_tables(house.settings.directory_db)
        ring = sources.keyring(house.settings)
        house.directory.write_now(lambda w: sources.create(w, source, demo_house.ELSEWHERE_PASSWORD, ring, now=now))


@cli.command()
@serve_options
def mail(**options: Any) -> None:
    """Run the mail role alone: SMTP, submission, LMTP, IMAP, POP3."""
    from server.runtime.mail import run_mail

    settings = settings_of(**options)
    log.configure(level=settings.log_level)
    run_mail(settings)


@cli.command()
@serve_options
def worker(**options: Any) -> None:
    """Run the worker role alone: collecting outside accounts, sending the queue."""
    from fetcher.scheduler import Scheduler
    from server.runtime.worker import run_worker

    settings = settings_of(**options)
    log.configure(level=settings.log_level)
    run_worker(settings, Scheduler)


@cli.command()
@serve_options
def web(**options: Any) -> None:
    """Run the web role alone: the webmail at /mail."""
    from webmail.serve import serve as serve_pages

    settings = settings_of(**options)
    log.configure(level=settings.log_level)
    serve_pages(settings)


if __name__ == "__main__":
    cli(prog_name="python app.py")
