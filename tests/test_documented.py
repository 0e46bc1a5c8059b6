"""What can be set or typed is described: no setting and no command without a line for the administrator."""

from dataclasses import fields
from pathlib import Path

import click
import pytest

import app
from server.config import Limits, Settings

GUIDE = (Path(__file__).parent.parent / "docs" / "administrator.md").read_text()


@pytest.mark.parametrize(
    "key", [f.name for f in fields(Settings) if f.name not in ("data", "limits")] + [f.name for f in fields(Limits)]
)
def test_every_setting_is_described(key):
    assert f"`{key}`" in GUIDE


def commands(group, prefix=()):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if not command.hidden:
            yield (*prefix, name), command
            if isinstance(command, click.Group):
                yield from commands(command, (*prefix, name))


@pytest.mark.parametrize(
    ("path", "command"), list(commands(app.cli)), ids=lambda x: " ".join(x) if isinstance(x, tuple) else ""
)
def test_every_command_says_what_it_does_and_takes_a_data_folder(path, command):
    assert command.help
    assert command.help.strip().splitlines()[0].endswith((".", "?"))
    if not isinstance(command, click.Group):
        assert "data" in {parameter.name for parameter in command.params}
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.name != "json":
            assert parameter.help
