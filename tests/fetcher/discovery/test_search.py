"""The search over a real web server and a name server that knows what the test told it."""

import asyncio

import pytest

from fetcher.discovery import search as searching
from fetcher.discovery.offer import Origin
from fetcher.discovery.search import Search

FIRST = "https://autoconfig.mill.fi/mail/config-v1.1.xml"
SECOND = "https://mill.fi/.well-known/autoconfig/mail/config-v1.1.xml"
LISTED = "https://directory.net/v1.1/mill.fi"
CLEAR = "http://autoconfig.mill.fi/mail/config-v1.1.xml"
DIRECTORY = "https://directory.net/v1.1/"


def settings(host, label="Mill"):
    return (
        f'<clientConfig version="1.1"><emailProvider id="x"><displayName>{label}</displayName>'
        f'<incomingServer type="imap"><hostname>{host}</hostname><port>993</port><socketType>SSL</socketType>'
        "<username>%EMAILLOCALPART%</username></incomingServer></emailProvider></clientConfig>"
    ).encode()


@pytest.fixture
def search(world):
    return Search(world, directory=DIRECTORY)


async def found(search):
    result = await search.search("mill.fi")
    return (result.origin, result.offers[0].host) if result else None


async def test_where_there_is_nothing(search, house, names):
    names.host_records.pop("mill.fi")
    assert await found(search) is None
    assert set(house.asked) >= {FIRST, LISTED, CLEAR}
    assert ("srv", "_imaps._tcp.mill.fi") in names.asked and ("mx", "mill.fi") in names.asked


async def test_each_place_gives_way_to_the_one_before_it(search, house, names):
    house.put(CLEAR, settings("clear.mill.fi"))
    assert await found(search) == (Origin.UNPROTECTED, "clear.mill.fi")
    names.mx_records["mill.fi"] = [(10, "mx1.hoster.net")]
    house.put(DIRECTORY + "hoster.net", settings("imap.hoster.net"))
    assert await found(search) == (Origin.HOST, "imap.hoster.net")
    names.mx_records["mill.fi"] = [(20, "mx1.hoster.net"), (10, "mxbiz1.qq.com")]
    assert await found(search) == (Origin.EXCHANGER, "pop.exmail.qq.com")
    names.srv_records["_imaps._tcp.mill.fi"] = [(0, 1, 993, "srv.mill.fi")]
    assert await found(search) == (Origin.DNS, "srv.mill.fi")
    house.put(LISTED, settings("listed.mill.fi"))
    assert await found(search) == (Origin.DIRECTORY, "listed.mill.fi")
    house.put(SECOND, settings("second.mill.fi"))
    assert await found(search) == (Origin.PROVIDER, "second.mill.fi")
    house.put(FIRST, settings("first.mill.fi"))
    assert await found(search) == (Origin.PROVIDER, "first.mill.fi")


async def test_an_answer_that_is_no_settings_does_not_end_the_search(search, house):
    house.put(FIRST, b"<html>parked</html>")
    house.put(SECOND, b'<!DOCTYPE x [<!ENTITY a "b">]>' + settings("evil.mill.fi"))
    house.put(LISTED, settings("listed.mill.fi"))
    assert await found(search) == (Origin.DIRECTORY, "listed.mill.fi")


async def test_plain_http_is_asked_only_when_all_else_has_failed(search, house):
    house.put(CLEAR, settings("clear.mill.fi"))
    house.put(LISTED, settings("listed.mill.fi"))
    assert await found(search) == (Origin.DIRECTORY, "listed.mill.fi")
    assert not any(url.startswith("http:") for url in house.asked)


async def test_a_slow_place_does_not_hide_a_later_one_and_is_left_once_an_earlier_answered(search, house):
    left = asyncio.Event()

    async def slow(reader, writer):
        await reader.read()
        left.set()

    house.pages["https", "directory.net", "/v1.1/mill.fi"] = slow
    house.put(SECOND, settings("second.mill.fi"))
    assert await found(search) == (Origin.PROVIDER, "second.mill.fi")
    # Asked or not, it holds nobody: the answer above came without it.
    if LISTED in house.asked:
        await left.wait()


async def test_a_directory_can_be_left_out(world, house):
    house.put(LISTED, settings("listed.mill.fi"))
    assert await found(Search(world, directory="")) is None
    assert not any("directory.net" in url for url in house.asked)


async def test_of_an_exchangers_domain_nobody_but_the_directory_is_asked(search, house, names):
    names.mx_records["mill.fi"] = [(10, "hoster.co.uk")]
    names.host_records |= {"autoconfig.co.uk": ["127.0.0.1"], "co.uk": ["127.0.0.1"]}
    assert await found(search) is None
    assert not any(host.endswith("co.uk") for kind, host in names.asked if kind == "addresses")


async def test_name_servers_that_are_down_are_no_error(search, names):
    names.down |= {"mill.fi", "autoconfig.mill.fi", "directory.net"}
    names.down |= {f"{service}.mill.fi" for service in searching.service.SERVICES}
    assert await found(search) is None


async def test_only_the_domain_goes_out_and_it_goes_once(search, house, names):
    house.put(FIRST, settings("first.mill.fi"))
    for address in ("ann.secret@mill.fi", "bob@MILL.fi"):
        assert (await asyncio.to_thread(search.find, address)).offers[0].username_for(address) == address[:-8]
    assert house.asked.count(FIRST) == 1
    assert not any("secret" in text for text in (*house.heads, *(name for _, name in names.asked)))
    assert search.known("c@mill.fi") == (await asyncio.to_thread(search.find, "d@mill.fi"), False)


async def test_nothing_is_remembered_too(search, house):
    assert await asyncio.to_thread(search.find, "ann@mill.fi") is None
    asked = len(house.asked)
    assert search.known("ann@mill.fi") == (None, False)
    assert await asyncio.to_thread(search.find, "ann@mill.fi") is None
    assert len(house.asked) == asked


async def test_a_search_that_takes_too_long_ends_without_an_answer(search, house, monkeypatch):
    async def silent(reader, writer):
        await reader.read()

    house.pages["https", "autoconfig.mill.fi", "/mail/config-v1.1.xml"] = silent
    monkeypatch.setattr(searching, "SECONDS", 0.3)
    assert await asyncio.to_thread(search.find, "ann@mill.fi") is None


@pytest.mark.parametrize("address", ["ann@gmail.com", "ann@lin.example", "ann@localhost", "ann@127.0.0.1", "ann", ""])
def test_nobody_is_asked_about_what_is_known_or_leads_nowhere(search, names, address):
    result, worth = search.known(address)
    assert not worth
    assert search.find(address) == result
    assert names.asked == []
    assert (result.origin if result else None) == (Origin.ADDRESS if "gmail" in address else None)


async def test_the_kept_answers_are_bounded(search, names, monkeypatch):
    monkeypatch.setattr(searching, "KEPT", 2)
    for name in ("a.net", "b.net", "c.net"):
        await asyncio.to_thread(search.find, f"x@{name}")
    assert [search.known(f"x@{name}")[1] for name in ("a.net", "b.net", "c.net")] == [True, False, False]
