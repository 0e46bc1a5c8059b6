"""The table of docs/imap.md and what the server announces say the same, in every state (RFC 9051 §6.1.1)."""

import csv
import re
from pathlib import Path

import pytest

from tests.fakes.imap_house import House

ROOT = Path(__file__).parent.parent.parent.parent
TABLE = ROOT / "docs" / "imap.md"
INDEX = ROOT / "tests" / "rfc" / "index.tsv"
STATES = {"whole", "partly", "not"}
TIMES = {"always", "before sign-in", "signed in", "signed in, once"}
UNWRITTEN = {"AUTH=LOGIN", "AUTH=XOAUTH2"}
"""Announced by everybody, and in no RFC."""


def table():
    """Every row as (names, RFC numbers, state, when); `when` is empty in the second table."""
    for line in TABLE.read_text("utf-8").splitlines():
        if line.startswith("| `"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            when = cells[3] if len(cells) == 5 else ""
            yield re.findall(r"`([^`]+)`", cells[0]), [int(n) for n in re.findall(r"\d{4}", cells[1])], cells[2], when


def documented(*times):
    return {name for names, _, state, when in table() if state == "whole" and when in times for name in names}


def without_value(words):
    return {"APPENDLIMIT=" if word.startswith("APPENDLIMIT=") else word for word in words}


async def announced(client):
    (line,) = await client.ok("CAPABILITY")
    words = line.decode().split()
    assert words[:2] == ["*", "CAPABILITY"]
    assert len(words) == len(set(words))
    return without_value(words[2:])


async def test_before_sign_in_each_is_said_where_it_makes_sense(tmp_path):
    house = await House(tmp_path).start(tls=True)
    try:
        client = await house.connect()
        await client.line()
        in_clear = await announced(client)
        await client.ok("STARTTLS")
        await client.start_tls()
        assert await announced(client) == documented("always", "before sign-in") - {"STARTTLS", "LOGINDISABLED"}
    finally:
        await house.stop()
    assert in_clear == documented("always", "before sign-in") - {"LOGINDISABLED"}


async def test_where_others_can_listen_no_password_is_asked_for(tmp_path):
    house = await House(tmp_path, bind="0.0.0.0").start(tls=True)
    try:
        client = await house.connect()
        await client.line()
        words = await announced(client)
    finally:
        await house.stop()
    assert words == {w for w in documented("always", "before sign-in") if not w.startswith("AUTH=")}


async def test_signed_in_and_selected(house):
    client = await house.signed_in()
    assert await announced(client) == documented("always", "signed in", "signed in, once")
    await client.ok("SELECT INBOX")
    assert await announced(client) == documented("always", "signed in", "signed in, once")


async def test_what_can_be_done_once_is_not_offered_again(house):
    client = await house.signed_in()
    await client.compress()
    assert await announced(client) == documented("always", "signed in")


def test_the_table_is_well_formed():
    names = [name for row in table() for name in row[0]]
    assert len(names) > 40
    for row in table():
        assert row[2] in STATES, row
        assert (row[3] in TIMES) == (row[2] == "whole"), row
    announced_names = documented(*TIMES)
    assert not announced_names & {n for ns, _, state, _ in table() if state == "not" for n in ns}


@pytest.mark.parametrize("row", [row for row in table() if row[2] == "whole"], ids=lambda row: row[0][0])
def test_whatever_is_whole_is_in_the_index_of_rfcs(row):
    names, rfcs, _, _ = row
    with INDEX.open(newline="") as file:
        known = {int(r["rfc"]) for r in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}
    assert rfcs or set(names) <= UNWRITTEN
    assert set(rfcs) <= known
