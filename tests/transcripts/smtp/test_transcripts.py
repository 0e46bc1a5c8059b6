"""Golden dialogues over a real socket. In the text files:

# service: smtp | submission | submissions | lmtp      which listener
C: line       the client sends it with CR LF            C~ text   as it is, with \\r \\n \\0 escapes, no line end added
S: line       the server answers this; * stands for anything
TLS           both sides start TLS                      END       the server closes the connection
= text        what was delivered or queued last ends with this (escapes as above)
"""

import codecs
import fnmatch
from pathlib import Path

import pytest

from tests.fakes.smtp_house import House
from tests.fakes.smtp_peer import Peer, no_verify

FILES = sorted(Path(__file__).parent.glob("*.txt"))


def octets(text):
    return codecs.decode(text.encode("ascii", "backslashreplace"), "unicode_escape").encode("latin-1")


def matches(line, pattern):
    return fnmatch.fnmatchcase(line, pattern.replace("[", "[[]"))


async def step(house, peer, line):
    kind, _, rest = line.partition(" ")
    if kind == "C:":
        await peer.send(rest.encode() + b"\r\n")
    elif kind == "C~":
        await peer.send(octets(rest))
    elif kind == "S:":
        heard = (await peer.reader.readline()).decode().removesuffix("\r\n")
        assert matches(heard, rest), f"heard {heard!r}, expected {rest!r}"
    elif kind == "TLS":
        await peer.writer.start_tls(no_verify())
    elif kind == "END":
        assert await peer.at_end()
    elif kind == "=":
        last = (house.pipeline.delivered or house.queue.submitted)[-1]
        assert last.raw.endswith(octets(rest)), last.raw
    else:
        raise ValueError(line)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
async def test_dialogue(tmp_path, file):
    lines = [line for line in file.read_text("utf-8").splitlines() if line and not line.startswith("##")]
    service = lines.pop(0).removeprefix("# service: ")
    house = House(tmp_path)
    await house.start()
    peer = await Peer.connect(house.ports[service], tls=service == "submissions", greet=False)
    try:
        for number, line in enumerate(lines, start=2):
            try:
                await step(house, peer, line)
            except AssertionError as error:
                raise AssertionError(f"{file.name}, step {number}: {line}: {error}") from error
    finally:
        await peer.close()
        await house.stop()


def test_there_are_dialogues():
    assert len(FILES) >= 8
