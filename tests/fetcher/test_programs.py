"""The collector as programs: the command line, and `python -m fetcher` alone."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.fakes.imap_server import ImapServer
from tests.fakes.lmtp_server import LmtpServer
from tests.fakes.pop3_server import Maildrop, Pop3Server, letters

ROOT = Path(__file__).parents[2]
ANN = "ann@here.example"


class Shell:
    def __init__(self, data):
        self.data = data

    async def __call__(self, *words, answer=0, said=b""):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(ROOT / "app.py"), *words, "--data", str(self.data)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate(said)
        assert process.returncode == answer, output.decode()
        return output.decode()


@pytest.fixture
async def shell(tmp_path):
    run = Shell(tmp_path / "data")
    await run("domain", "add", "here.example")
    await run("account", "add", ANN, "--password-stdin", said=b"correct horse battery\n")
    return run


def add(port, protocol="pop3"):
    return (
        "source",
        "add",
        ANN,
        "--protocol",
        protocol,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--tls",
        "none",
        *("--username", "someone"),
        "--password-stdin",
    )


@pytest.mark.parametrize(("protocol", "server"), [("pop3", Pop3Server), ("imap", ImapServer)])
async def test_the_command_line_on_a_stopped_system(shell, protocol, server):
    drop = Maildrop()
    for raw in letters(3):
        drop.add(raw)
    async with server(drop) as provider:
        await shell(*add(provider.port, protocol), "--leave", said=b"right horse\n")
        assert "3 collected" in await shell("source", "fetch", ANN)
        assert "0 collected" in await shell("source", "fetch", ANN)
        assert len(drop.messages) == 3
        listed = await shell("source", "list", ANN)
        assert "someone at 127.0.0.1" in listed and "3 collected" in listed
        again = await shell(*add(provider.port, protocol), answer=1, said=b"right horse\n")
        assert "already" in again and "Traceback" not in again
    failed = await shell("source", "fetch", ANN, answer=1)
    assert "does not accept connections" in failed and "Traceback" not in failed
    await shell("source", "remove", ANN, "1")
    assert "no " in await shell("source", "fetch", ANN)


async def test_the_collector_alone(shell):
    drop = Maildrop()
    for raw in letters(3):
        drop.add(raw)
    async with Pop3Server(drop) as pop3, LmtpServer() as lmtp:
        await shell(*add(pop3.port), said=b"right horse\n")
        environ = {"POSTHOUSE_DATA": str(shell.data), "POSTHOUSE_PORT_OFFSET": str(lmtp.port - 24)}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "fetcher", cwd=ROOT, env=os.environ | environ, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(30):
            while drop.messages:
                await asyncio.sleep(0.02)
            process.send_signal(signal.SIGTERM)
            _, words = await process.communicate()
        assert process.returncode == 0, words.decode()
        assert b"Traceback" not in words
        assert len(lmtp.mailbox.stored) == 3


async def test_the_collector_without_a_house_says_so(tmp_path):
    for environ, word in (({}, b"serve"), ({"POSTHOUSE_BIND": "nowhere"}, b"bind")):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "fetcher"),
            cwd=ROOT,
            env=os.environ | {"POSTHOUSE_DATA": str(tmp_path)} | environ,
            stderr=asyncio.subprocess.PIPE,
        )
        _, words = await process.communicate()
        assert process.returncode == 2 and word in words and b"Traceback" not in words
