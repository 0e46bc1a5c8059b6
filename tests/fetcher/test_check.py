from dataclasses import replace

import pytest

from fetcher import check
from fetcher.check import STEPS
from fetcher.connection import Environment
from fetcher.pop3_link import Pop3Link
from server.config import Settings
from tests.fakes.pop3_server import Maildrop, Manners, Pop3Server, letters
from tests.fetcher.certificates import Authority
from tests.fetcher.conftest import QUICK

SHELL = Environment(QUICK)


@pytest.fixture
def trial(tmp_path):
    return Settings(data=tmp_path)


@pytest.fixture
def public(tmp_path):
    return Settings(data=tmp_path, bind="0.0.0.0")


async def examine(settings, server, *, tls="none", host="127.0.0.1", password="right horse", shell=SHELL):
    return await check.check(settings, host, server.port, tls, "someone", password, environment=shell)


async def test_all_steps_with_their_facts(trial):
    drop = Maildrop()
    for raw in letters(3):
        drop.add(raw)
    async with Pop3Server(drop) as server:
        steps = await examine(trial, server)
        assert [s.name for s in steps] == [s for s in STEPS if s != "tls"]
        assert all(s.ok and s.ms >= 0 and not s.code for s in steps)
        detail = {s.name: s.detail for s in steps}
        assert detail["list"] == "3" and detail["message"] == "Number 2" and detail["greeting"] == "ready"
        assert server.commands["DELE"] == server.commands["RETR"] == 0 and server.commands["QUIT"] == 1
        assert not drop.deleted and not drop.locked


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_with_tls(trial, tmp_path, tls):
    authority = Authority(tmp_path)
    context = authority.server("localhost")
    manners = Manners(implicit=context) if tls == "implicit" else Manners(stls=context)
    async with Pop3Server(Maildrop(), manners) as server:
        shell = replace(SHELL, trust=authority.trust)
        steps = await examine(trial, server, tls=tls, host="localhost", shell=shell)
    assert all(s.ok for s in steps), steps
    assert any("TLSv1" in s.detail for s in steps)


@pytest.mark.parametrize(
    ("manners", "step", "code"),
    [
        (Manners(greeting="220 smtp"), "greeting", "protocol"),
        (Manners(refuse_sign_in="-ERR [AUTH] no"), "sign-in", "sign-in"),
        (Manners(in_use="-ERR [IN-USE] x"), "sign-in", "in-use"),
        (Manners(answer={"LIST": "-ERR broken"}), "list", "protocol"),
        (Manners(answer={"TOP": "-ERR broken"}), "message", "protocol"),
    ],
)
async def test_the_step_that_fails_is_the_last_and_has_the_remedy(trial, manners, step, code):
    drop = Maildrop()
    drop.add(letters(1)[0])
    async with Pop3Server(drop, manners) as server:
        steps = await examine(trial, server)
    assert all(s.ok for s in steps[:-1])
    assert (steps[-1].name, steps[-1].ok, steps[-1].code) == (step, False, code)
    assert steps[-1].remedy and steps[-1].sentence


async def test_an_address_of_the_own_network_says_the_same_whatever_listens(public):
    async with Pop3Server(Maildrop()) as server:
        open_port = await examine(public, server, tls="implicit")
        closed = await check.check(public, "127.0.0.1", 1, "implicit", "x", "y", environment=SHELL)
        assert server.sessions == 0
    for steps in (open_port, closed):
        assert [(s.name, s.code) for s in steps] == [("name", "address-forbidden")]
        assert steps[0].detail == ""


async def test_a_host_that_the_administrator_lists_is_allowed(public):
    listed = replace(public, source_private_hosts=("127.0.0.1",))
    async with Pop3Server(Maildrop()) as server:
        assert all(s.ok for s in await examine(listed, server))


async def test_a_mailbox_without_uidl_and_one_without_mail(trial):
    async with Pop3Server(Maildrop(), Manners(uidl=False)) as server:
        steps = await examine(trial, server)
    assert steps[-2].detail == "0 (no UIDL)" and steps[-1].ok


async def test_the_whole_examination_has_an_end(trial, monkeypatch):
    monkeypatch.setattr(check, "TOTAL_SECONDS", 0.2)
    async with Pop3Server(Maildrop(), Manners(hang_at="USER", capa=("USER",))) as server:
        steps = await examine(trial, server)
    assert (steps[-1].name, steps[-1].code) == ("sign-in", "time-out")


async def test_what_nobody_foresaw_is_no_traceback(trial, monkeypatch):
    async with Pop3Server(Maildrop()) as server:
        monkeypatch.setattr(Pop3Link, "sign_in", lambda *_: 1 / 0)
        steps = await examine(trial, server)
    assert steps[-1].code == "internal" and "Zero" not in steps[-1].detail


def test_the_blocking_form(trial):
    steps = check.check_now(trial, "127.0.0.1", 1, "none", "x", "y")
    assert steps[-1].code == "connection-refused"
