import asyncio

import pytest


@pytest.mark.parametrize("command", ['LIST "" {}', 'LIST "{}" *', 'LSUB "" {}', 'LIST "" (a {})', 'LSUB "{}" %'])
async def test_t125_patterns_are_no_longer_than_names_can_need(house, command):
    client = await house.signed_in()
    fits, long = "%a" * 900, "%a" * 1_100
    await client.ok(command.format(fits))
    _, status = await client.ask(command.format(long))
    assert status.startswith(b"BAD")


async def test_t125_matching_is_not_done_on_the_event_loop(house, monkeypatch):
    client = await house.signed_in()
    loops = []

    def matches(_self, _name):
        try:
            loops.append(asyncio.get_running_loop())
        except RuntimeError:
            loops.append(None)
        return True

    monkeypatch.setattr("server.imap.commands.names.Pattern.matches", matches)
    assert await client.ok('LIST "" *')
    assert set(loops) == {None}
