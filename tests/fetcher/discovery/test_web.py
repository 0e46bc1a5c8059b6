"""One document from a stranger (security.md T049 to T053, T056), from a real server on loopback."""

import asyncio
from dataclasses import replace

import pytest

from fetcher import guard
from fetcher.discovery import web
from fetcher.discovery.web import NotFetched, get

URL = "https://mill.fi/a.xml"
LIMIT = 1000


async def fetch(world, url=URL):
    return await get(url, world, limit=LIMIT)


async def test_a_document_by_https(world, house):
    house.put(URL, b"<a/>")
    assert await fetch(world) == b"<a/>"
    head = house.heads[0]
    assert head.startswith("GET /a.xml HTTP/1.1\r\nHost: mill.fi\r\n")
    assert not any(word in head.lower() for word in ("cookie", "referer", "authorization"))


async def test_without_a_length_and_in_chunks(world, house):
    house.put(URL, b"<a/>", length=False)
    assert await fetch(world) == b"<a/>"
    house.put(URL, b"2\r\n<a\r\n2\r\n/>\r\n0\r\n\r\n", length=False, head="Transfer-Encoding: chunked\r\n")
    assert await fetch(world) == b"<a/>"


async def test_by_http_where_that_is_asked_for(world, house):
    house.put("http://mill.fi/a.xml", b"<b/>")
    assert await fetch(world, "http://mill.fi/a.xml") == b"<b/>"


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"\0\1\2",
        b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (LIMIT + 1),
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 100_000,
        b"HTTP/1.1 302 Found\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: \r\n\r\n",
    ],
)
async def test_what_is_no_document(world, house, page):
    house.pages["https", "mill.fi", "/a.xml"] = page
    with pytest.raises(NotFetched):
        await fetch(world)


async def test_a_stream_without_end_is_left(world, house):
    async def pour(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 4096)
            await writer.drain()

    house.pages["https", "mill.fi", "/a.xml"] = pour
    with pytest.raises(NotFetched):
        await fetch(world)


async def test_a_server_that_says_nothing_is_left(world, house):
    asked, left = asyncio.Event(), asyncio.Event()

    async def sleep(reader, writer):
        asked.set()
        await reader.read()
        left.set()

    house.pages["https", "mill.fi", "/a.xml"] = sleep
    with pytest.raises(NotFetched, match="TimeoutError"):
        await fetch(replace(world, seconds=1))
    if asked.is_set():
        await left.wait()


async def test_redirects_are_followed_a_few_times(world, house):
    house.put(URL, b"", status="301 Moved", head="Location: https://elsewhere.net/b\r\n")
    house.put("https://elsewhere.net/b", b"", status="302 Found", head="Location: /c\r\n")
    house.put("https://elsewhere.net/c", b"<c/>")
    assert await fetch(world) == b"<c/>"
    house.put("https://elsewhere.net/c", b"", status="302 Found", head="Location: /c\r\n")
    with pytest.raises(NotFetched, match="too many"):
        await fetch(world)


@pytest.mark.parametrize(
    "to",
    [
        "http://elsewhere.net/b",
        "https://127.0.0.1/b",
        "https://[::1]/b",
        "https://localhost/b",
        "https://elsewhere.net:8443/b",
        "https://a:b@elsewhere.net/b",
        "file:///etc/hostname",
        "gopher://elsewhere.net/",
        "https://elsewhere.net/b c",
        "//2130706433/",
        "https://0x7f000001/",
    ],
)
async def test_redirects_that_are_not(world, house, to):
    house.put(URL, b"", status="302 Found", head=f"Location: {to}\r\n")
    with pytest.raises(NotFetched):
        await fetch(world)
    assert house.asked == [URL]


async def test_a_redirect_from_http_may_come_to_tls(world, house):
    house.put("http://mill.fi/a.xml", b"", status="301 Moved", head=f"Location: {URL}\r\n")
    house.put(URL, b"<a/>")
    assert await fetch(world, "http://mill.fi/a.xml") == b"<a/>"


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["::1"],
        ["10.1.2.3"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["fd00::1"],
        ["93.184.216.34", "127.0.0.1"],
        [],
    ],
)
async def test_a_name_that_leads_inside_is_not_followed(world, house, names, addresses):
    """One private address among several is enough: that is how names are rebound."""
    names.host_records["mill.fi"] = addresses
    house.put(URL, b"<a/>")
    with pytest.raises(NotFetched, match="not of the Internet"):
        await fetch(replace(world, allowed=guard.is_public))
    assert house.asked == []


async def test_a_redirect_is_judged_like_the_first_address(world, house, names):
    names.host_records["elsewhere.net"] = ["10.0.0.1"]
    house.put(URL, b"", status="302 Found", head="Location: https://elsewhere.net/b\r\n")
    with pytest.raises(NotFetched, match="not of the Internet"):
        await fetch(world)


async def test_a_certificate_of_another_name_is_refused(world, house, names):
    names.host_records["other.net"] = ["127.0.0.1"]
    house.put("https://other.net/a.xml", b"<a/>")
    with pytest.raises(NotFetched):
        await fetch(world, "https://other.net/a.xml")
    assert house.asked == []


async def test_a_certificate_that_nobody_vouches_for_is_refused(world, house):
    house.put(URL, b"<a/>")
    with pytest.raises(NotFetched):
        await fetch(replace(world, trust=web.verifying_context))
    assert house.asked == []


async def test_names_that_do_not_exist_or_cannot_be_asked_for(world, names):
    with pytest.raises(NotFetched):
        await fetch(world, "https://nowhere.net/a")
    names.down.add("mill.fi")
    with pytest.raises(NotFetched):
        await fetch(world)


async def test_the_next_address_is_tried_where_one_is_dead(world, house, names):
    names.host_records["mill.fi"] = ["127.0.0.9", "127.0.0.1"]
    house.put(URL, b"<a/>")
    assert await fetch(replace(world, allowed=lambda address: address.startswith("127.0.0."))) == b"<a/>"
