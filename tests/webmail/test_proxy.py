"""The image proxy against a server on loopback that plays the open internet."""

import contextlib
import ipaddress
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webmail.mail_rooms import PNG
from webmail import proxy
from webmail.proxy import Fetcher, NotFetched, is_public, resolve, sign, unsign

KEY = b"k" * 32
LOOPBACK = ipaddress.ip_address("127.0.0.1")


class Stranger(BaseHTTPRequestHandler):
    """Answers by path, and remembers what it was told."""

    heard: ClassVar[list[dict]] = []
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.heard.append({name.lower(): value for name, value in self.headers.items()} | {"path": self.path})
        name = self.path.split("?")[0].strip("/")
        if name.startswith("to-"):
            self.send_response(302)
            self.send_header("Location", self.server.places[name])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body, status = self.server.files.get(name, (b"", 404))
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if name == "slow":
            for octet in body:
                self.wfile.write(bytes([octet]))
                self.wfile.flush()
                time.sleep(0.05)
            return
        self.wfile.write(body)

    def log_message(self, *arguments):
        return


@pytest.fixture(scope="module")
def stranger():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    server.daemon_threads = True
    server.files = {
        "a.png": (PNG, 200),
        "page": (b"<html><script>x</script>", 200),
        "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 200),
        "big": (PNG + b"x" * 5000, 200),
        "huge.png": (PNG[:16] + (60_000).to_bytes(4, "big") * 2 + PNG[24:], 200),
        "slow": (PNG, 200),
        "gone": (PNG, 410),
    }
    server.places = {
        "to-a": "/a.png",
        "to-loop": "/to-loop",
        "to-private": "http://private.example/a.png",
        "to-file": "file:///etc/passwd",
        "to-port": "http://open.example:6379/",
    }
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def asked():
    return []


@pytest.fixture
def fetcher(stranger, asked):
    def look_up(host, port):
        asked.append(host)
        return {
            "open.example": [LOOPBACK],
            "private.example": [ipaddress.ip_address("10.0.0.1")],
            "both.example": [LOOPBACK, ipaddress.ip_address("10.0.0.1")],
        }.get(host, [])

    Stranger.heard.clear()
    return Fetcher(
        resolver=look_up,
        allowed=lambda address: address == LOOPBACK,
        ports={"http": stranger.server_port, "https": 443},
        seconds=1.5,
        limit=4096,
    )


def test_an_image_comes_through_without_a_trace_of_its_reader(fetcher):
    found = fetcher.image(1, "http://open.example/a.png?x=1")
    assert (found.kind, found.data) == ("image/png", PNG)
    (heard,) = Stranger.heard
    assert heard == {
        "path": "/a.png?x=1",
        "host": "open.example",
        "user-agent": proxy.AGENT,
        "accept": "image/*",
        "connection": "close",
    }


def test_it_is_fetched_once_a_person(fetcher):
    for _ in range(3):
        fetcher.image(1, "http://open.example/a.png")
    fetcher.image(2, "http://open.example/a.png")
    assert len(Stranger.heard) == 2


def test_redirects_are_followed_and_judged_each(fetcher, asked):
    assert fetcher.image(1, "http://open.example/to-a").data == PNG
    for path in ("to-loop", "to-private", "to-file", "to-port"):
        with pytest.raises(NotFetched):
            fetcher.image(1, f"http://open.example/{path}")
    assert "private.example" in asked


@pytest.mark.parametrize("path", ["page", "svg", "big", "huge.png", "gone", "missing"])
def test_only_images_of_bearable_size(fetcher, path):
    with pytest.raises(NotFetched):
        fetcher.image(1, f"http://open.example/{path}")


def test_a_slow_server_is_left(stranger):
    fetcher = Fetcher(
        resolver=lambda host, port: [LOOPBACK],
        allowed=lambda address: True,
        ports={"http": stranger.server_port, "https": 443},
        seconds=0.6,
    )
    with pytest.raises(NotFetched):
        fetcher.image(1, "http://open.example/slow")


def test_headers_without_end_are_left():
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip():
        peer, _ = listener.accept()
        with peer:
            peer.sendall(b"HTTP/1.1 200 OK\r\n")
            while not stop.is_set():
                try:
                    peer.sendall(b"X")
                except OSError:
                    return
                stop.wait(0.05)

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    fetcher = Fetcher(
        resolver=lambda host, port: [LOOPBACK],
        allowed=lambda address: True,
        ports={"http": listener.getsockname()[1], "https": 443},
        seconds=0.5,
    )
    with pytest.raises(NotFetched):
        fetcher.image(1, "http://open.example/")
    stop.set()
    thread.join(5)
    listener.close()


@contextlib.contextmanager
def dripping(first, drop):
    """A server that says `first`, then one octet after the other."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip():
        peer, _ = listener.accept()
        with peer:
            peer.sendall(first)
            while not stop.is_set():
                try:
                    peer.sendall(drop)
                except OSError:
                    return
                stop.wait(0.05)

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    stop.set()
    thread.join(5)
    listener.close()


@pytest.mark.parametrize(
    ("scheme", "first", "drop"),
    [
        pytest.param("http", b"HTTP/1.0 200 OK\r\n\r\n" + PNG, b"x", id="body to the end of the connection"),
        pytest.param(
            "http",
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4000\r\n\r\n" + PNG,
            b"x",
            id="body with a length",
        ),
        # A handshake record that announces more than it holds.
        pytest.param("https", b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc", b"\x00", id="TLS handshake"),
    ],
)
def test_t056_octet_by_octet_is_too_slow(scheme, first, drop):
    """Each octet comes in time for its own; all of them would keep a thread for weeks."""
    with dripping(first, drop) as port:
        fetcher = Fetcher(
            resolver=lambda host, _: [LOOPBACK], allowed=lambda _: True, ports={scheme: port}, seconds=0.5, limit=10**6
        )
        with pytest.raises(NotFetched):
            fetcher.image(1, f"{scheme}://open.example/")


@pytest.mark.parametrize("host", ["private.example", "both.example", "nowhere.example"])
def test_one_private_address_is_enough_to_refuse(fetcher, host):
    with pytest.raises(NotFetched):
        fetcher.image(1, f"http://{host}/a.png")
    assert not Stranger.heard


def test_a_name_is_resolved_once_a_request(fetcher, asked):
    """T052: nothing between the judgement and the connection asks again."""
    fetcher.image(1, "http://open.example/a.png")
    assert asked == ["open.example"]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "240.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2002:a00:1::",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
    ],
)
def test_addresses_that_are_not_the_internet(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_addresses_that_are(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://localhost/",
        "http://localhost./",
        "https://127.0.0.1:443/",
        "http://127.0.0.1:80@127.0.0.1/",
        "http://①②⑦.⓪.⓪.①/",
    ],
)
def test_ways_to_write_this_machine(url):
    """T049: by the true resolver and the true rule."""
    with pytest.raises(NotFetched):
        Fetcher(seconds=2).image(1, url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://open.example/",
        "file:///etc/passwd",
        "gopher://x/",
        "http://",
        "http:///x",
        "data:image/png;base64,x",
        "javascript:x",
        "http://a b/",
        "//open.example/",
    ],
)
def test_what_is_no_web_address(fetcher, url):
    with pytest.raises(NotFetched):
        fetcher.image(1, url)


def test_the_true_resolver_gives_addresses():
    assert LOOPBACK in resolve("127.0.0.1", 80)


def test_a_token_works_for_its_address_its_person_and_its_day():
    now = 20_000 * proxy.DAY + 50.0
    token = sign(KEY, 7, "https://a.example/x.png?a=1.2.3", now)
    assert unsign(KEY, token, now) == (7, "https://a.example/x.png?a=1.2.3")
    assert unsign(KEY, token, now + proxy.DAY) is not None
    assert unsign(KEY, token, now + 2 * proxy.DAY) is None
    assert unsign(b"other" * 8, token, now) is None
    assert sign(KEY, 7, "u", now) == sign(KEY, 7, "u", now + 60)
    mark, _, payload = token.partition(".")
    other = sign(KEY, 8, "https://a.example/x.png?a=1.2.3", now).partition(".")[2]
    assert unsign(KEY, f"{mark}.{other}", now) is None
    assert unsign(KEY, f"{mark[:-1]}A.{payload}", now) is None


@given(st.text(max_size=60))
def test_no_forged_token_raises(token):
    assert unsign(KEY, token, 0) is None
