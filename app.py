"""Posthouse from the command line: the composition root.

`python app.py` (= `serve`) runs the three roles web, mail and worker under one supervisor. Each role can be started alone.
Everything heavy is imported by the command that needs it, so `--help` answers at once and the supervisor stays small.
"""

import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from server.config import SettingError, Settings, load
from server.supervisor import Role, StartError, Supervisor, check_ports, only_one, prepare_folder, ready

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


def serve_options(function: Command) -> Command:
    """Options shared by `serve` and the roles."""
    for option in reversed(
        (
            data_option,
            click.option(
                "--config",
                type=click.Path(path_type=Path, dir_okay=False),
                help="Settings file (DATA/posthouse.toml when it exists).",
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
        raise Failure(str(error)) from error


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Every command takes --data DIR after its name (or POSTHOUSE_DATA) and works on a running and on a stopped system.",
)
@click.pass_context
def cli(context: click.Context) -> None:
    """Posthouse: webmail, collector of outside accounts and mail server in one.

    Without a command it serves: web pages, mail ports and background work, until Ctrl-C.
    """
    if context.invoked_subcommand is None:
        context.invoke(serve, data=Path(os.environ.get("POSTHOUSE_DATA", "data")))


@cli.command()
@serve_options
@click.option("--demo", is_flag=True, help="Fill an empty data folder with a demo mail house.")
def serve(
    data: Path,
    config: Path | None = None,
    bind: str | None = None,
    port_offset: int | None = None,
    web_port: int | None = None,
    demo: bool = False,
) -> None:
    """Run everything: web, mail and worker. SIGTERM or Ctrl-C stops cleanly."""
    settings = settings_of(data, config, bind=bind, port_offset=port_offset, web_port=web_port)
    try:
        prepare_folder(settings.data)
        with only_one(settings.data):
            check_ports(settings)
            code = _setup_code(settings)
            (settings.run_dir / "serve.pid").write_text(f"{os.getpid()}\n")
            common = ["--data", str(settings.data), "--bind", settings.bind, "--port-offset", str(settings.port_offset)]
            common += ["--web-port", str(settings.web_port)] + (["--config", str(config.absolute())] if config else [])
            click.echo("Posthouse is starting ...")
            if demo:
                _in_child(["demo", "--data", str(settings.data), "--port-offset", str(settings.port_offset)])
            supervisor = Supervisor(
                settings.data, [Role(name, [__file__, name, *common]) for name in ("mail", "worker", "web")]
            )
            try:
                supervisor.start()
                _greet(settings, demo=demo, code=code)
                supervisor.watch()
            finally:
                supervisor.stop()
                (settings.run_dir / "serve.pid").unlink(missing_ok=True)
    except StartError as error:
        raise Failure(str(error)) from error
    click.echo("Posthouse has stopped; everything accepted is on disk.")


def _in_child(arguments: list[str]) -> None:
    """Run one of our own commands to its end in a process of its own, so that the supervisor stays small."""
    import subprocess

    if subprocess.run([sys.executable, __file__, *arguments], check=False).returncode:  # noqa: S603 - our own command line
        raise StartError("The demo could not be made; the lines above say why.")


def _setup_code(settings: Settings) -> str | None:
    """A code for the set-up wizard when strangers could reach it first; the terminal alone shows it."""
    path = settings.run_dir / "setup-code"
    if settings.is_loopback:
        path.unlink(missing_ok=True)
        return None
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(4))
    return path.read_text().strip()


def _greet(settings: Settings, *, demo: bool, code: str | None) -> None:
    from server.accounts.directory import open_database
    from server.admin.setup import is_fresh

    address = (
        settings.base_url or f"http://{'127.0.0.1' if settings.is_loopback else settings.bind}:{settings.web_port}"
    )
    database = open_database(settings.directory_db)
    fresh = database.read(is_fresh)
    database.close()
    p = settings.ports
    click.secho(f"\n  Posthouse is ready:  {address}/mail/", bold=True)
    if fresh:
        click.echo("  Nobody lives here yet: that page sets it up." + (f"  Set-up code: {code}" if code else ""))
    elif demo:
        from server.demo.house import ADDRESS, PASSWORD

        click.echo(f"  Sign in as           {ADDRESS}   password   {PASSWORD}")
    click.echo(
        f"  Mail programs        IMAP {p.imap}/{p.imaps}, POP3 {p.pop3}/{p.pop3s}, SMTP {p.submission}/{p.submissions} on {settings.bind}"
    )
    click.echo(f"  Data                 {settings.data}")
    click.echo("  Ctrl-C stops everything.\n")


@cli.command()
@serve_options
def mail(**options: Any) -> None:
    """Run the mail role alone: SMTP, submission, LMTP, IMAP, POP3."""
    from server import log, runtime

    settings = settings_of(**options)
    log.configure(level=settings.log_level)
    runtime.run_mail(settings)


@cli.command()
@serve_options
def worker(**options: Any) -> None:
    """Run the worker role alone: collecting outside accounts, sending the queue."""
    from server import log, runtime

    settings = settings_of(**options)
    log.configure(level=settings.log_level)
    from fetcher.scheduler import Scheduler

    runtime.run_worker(
        settings, lambda house: Scheduler(house.settings, house.directory.database, house.clock, house.bus)
    )


@cli.command()
@serve_options
def web(**options: Any) -> None:
    """Run the web role alone: the webmail at /mail."""
    from server import log
    from webmail import serve as web_server

    settings = settings_of(**options)
    log.configure(level=settings.log_level)
    with ready(settings.data, "web"):
        web_server.serve(settings)


def register() -> None:
    """Add the commands that live beside what they command."""
    from fetcher.cli import source
    from server.cli import COMMANDS

    for command in (*COMMANDS, source):
        cli.add_command(command)


if __name__ == "__main__":
    register()
    cli(prog_name="python app.py")
