"""T102: visitors who send a request octet by octet, or never close, cost no thread and nobody else an answer."""

import contextlib
import socket

import pytest

from server.config import Settings
from tests.webmail.test_serve import Browser, serving
from webmail import serve_worker
from webmail.paced import Crowd
from webmail.serve_worker import Visitor

MANY = 80
"""More than the threads there are."""


@contextlib.contextmanager
def connections(port, number, octets):
    with contextlib.ExitStack() as stack:
        for _ in range(number):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            one.sendall(octets)
        yield


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"G", id="a request that has begun"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n", id="a head without an end"),
        pytest.param(
            b"POST /mail/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\nname=", id="half a form"
        ),
        pytest.param(
            b"POST /mail/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\nname=", id="a big form"
        ),
        pytest.param(
            b"POST /mail/sign-in HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nname=",
            id="chunks",
        ),
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /", id="the start of a second request"),
        pytest.param(
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", id="an answer, and no farewell"
        ),
    ],
)
def test_t102_slow_visitors_do_not_silence_the_others(server, octets):
    with connections(server, MANY, octets):
        browser = Browser(server)
        for _ in range(3):
            response, _ = browser.page("GET", "/mail/sign-in")
            assert response.status in (200, 302)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("patient")) as (_process, port):
        yield port


def test_requests_in_pieces_and_in_a_row_are_answered(server):
    with socket.create_connection(("127.0.0.1", server), timeout=30) as one:
        for piece in (b"\r\n\r\nGET /healthz HTT", b"P/1.1\r\nHost: loc", b"alhost\r\n\r"):
            one.sendall(piece)
        one.sendall(b"\nGET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        said = b""
        while more := one.recv(65_536):
            said += more
    assert said.count(b'"roles"') == 2


def test_t102_a_stranger_sends_no_large_body(server):
    """It is refused by what it says of itself, before a thread reads any of it."""
    request = b"POST /mail/setup/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server), timeout=30) as one:
        one.sendall(request)
        assert one.recv(100).split()[1] == b"413"


class Seat:
    """As much of a worker as a connection asks for."""

    def __init__(self):
        self.cfg, self.crowd = None, Crowd(2, 1)


@pytest.fixture
def visitor():
    ours, theirs = socket.socketpair()
    with theirs:
        made = Visitor(Seat(), ours, ("192.0.2.7", 1), None, "192.0.2.7")
        yield made
        made.sock.close()


@pytest.mark.parametrize(
    ("octets", "whole"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r", False),
        (b"\r\n\r\n", False),
        (b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nabc", False),
        (b"POST / HTTP/1.1\r\ncontent-LENGTH:4\r\n\r\nabcd", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcdGET", True),
        # More than is held is the business of a thread, and of what the application allows.
        (b"POST / HTTP/1.1\r\nContent-Length: 70000\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nX-Content-Length: 4\r\n\r\n", True),
    ],
)
@pytest.mark.parametrize("size", [1, 1_000])
def test_when_a_request_is_whole(visitor, octets, whole, size):
    told = [visitor.gather(octets[at : at + size]) for at in range(0, len(octets), size)]
    assert told[-1] is whole


def test_the_bounds_are_those_of_strangers(tmp_path):
    settings = Settings(data=tmp_path)
    assert serve_worker.WAITING < serve_worker.CONNECTIONS
    assert settings.limits.connections_per_address * 4 < serve_worker.CONNECTIONS, "one address is not the crowd"
