"""The worker process: what it answers, what happens when it hangs, dies or is lied to."""

import contextlib
import io
import json
import os
import struct
from pathlib import Path

import pytest

from server.supervisor import allow_many_files
from webmail import sanitize_process, sanitize_worker
from webmail.sanitize import Reading
from webmail.sanitize_process import Sanitiser, cache_key


@pytest.fixture(scope="module")
def sanitiser():
    made = Sanitiser(workers=1)
    yield made
    made.close()


def test_a_body_goes_through(sanitiser):
    found = sanitiser.sanitise("<p>Hi<script>x</script> <img src='https://t.example/1.png' width=1>", Reading())
    assert (found.html, found.trackers) == ("<p>Hi </p>", 1)
    found = sanitiser.sanitise(
        "<img src='https://t.example/1.png'>", Reading(images={"https://t.example/1.png": "/mail/proxy/x"})
    )
    assert found.html == '<img src="/mail/proxy/x">'
    assert sanitiser.reduce("<p onclick=x>Hi") == "<p>Hi</p>"


@pytest.mark.parametrize(
    "bomb",
    [
        "<div>" * 10_000,
        "<p " + " ".join(f"a{i}=1" for i in range(20_000)) + ">x",
        "<!--" + "x" * 1_000_000,
        "<p style='color:" + "(" * 20_000 + "'>x",
    ],
)
def test_bombs_end_in_time(sanitiser, bomb):
    """T038."""
    found = sanitiser.sanitise(bomb, Reading())
    assert found is None or len(found.html) < 1_000


def test_what_takes_too_long_costs_the_worker_and_not_the_next(sanitiser):
    slow = Sanitiser(workers=1, seconds=0.15)
    assert slow.reduce("<p>warm") == "<p>warm</p>"
    assert slow.sanitise("<" * 400_000, Reading()) is None
    assert slow.sanitise("<p>next</p>", Reading()).html == "<p>next</p>"
    slow.close()


def test_results_are_kept_by_all_they_depend_on(sanitiser, monkeypatch):
    first = sanitiser.sanitise("<p>kept</p>", Reading())
    monkeypatch.setattr(sanitiser, "_ask", lambda request: pytest.fail("asked again"))
    assert sanitiser.sanitise("<p>kept</p>", Reading()) is first
    keys = {
        cache_key("a", Reading()),
        cache_key("b", Reading()),
        cache_key("a", Reading(images={"x": "y"})),
        cache_key("a", Reading(inline={"x": "y"})),
    }
    assert len(keys) == 4
    monkeypatch.setattr(sanitize_process.sanitize_policy, "VERSION", 99)
    assert cache_key("a", Reading()) not in keys


def test_the_cache_is_bounded(monkeypatch):
    monkeypatch.setattr(sanitize_process, "CACHE_ENTRIES", 3)
    one = Sanitiser(workers=1)
    for number in range(6):
        one.sanitise(f"<p>{number}</p>", Reading())
    assert len(one._cache) == 3
    one.close()


def test_after_closing_nothing_is_made():
    one = Sanitiser(workers=1, seconds=0.05)
    one.close()
    assert one.sanitise("<p>x", Reading()) is None


def framed(*requests):
    return io.BytesIO(
        b"".join(struct.pack(">I", len(body)) + body for body in (json.dumps(one).encode() for one in requests))
    )


def answers(octets):
    found, data = [], octets
    while data:
        (size,) = struct.unpack(">I", data[:4])
        found.append(json.loads(data[4 : 4 + size]))
        data = data[4 + size :]
    return found


def test_the_worker_answers_each_frame_and_ends_with_its_input():
    sink = io.BytesIO()
    sanitize_worker.serve(
        framed({"html": "<b>x"}, {"html": "<i>y", "mode": "reduce"}, {"html": "<div>" * 300}, {}), sink
    )
    first, second, third, fourth = answers(sink.getvalue())
    assert first["html"] == "<b>x</b>"
    assert second == {"html": "<i>y</i>"}
    assert third == {"error": "nested"}
    assert fourth == {"error": "unreadable"}


def test_a_frame_that_is_too_large_ends_the_worker():
    sink = io.BytesIO()
    sanitize_worker.serve(io.BytesIO(struct.pack(">I", 2**31)), sink)
    sanitize_worker.serve(io.BytesIO(struct.pack(">I", 10) + b"ab"), sink)
    assert sink.getvalue() == b""


def test_a_house_full_of_connections_reads_its_mail_too():
    """Descriptors beyond 1,023 are nothing special."""
    assert allow_many_files() > 1_200
    with contextlib.ExitStack() as stack:
        for _ in range(1_100):
            stack.enter_context(Path(os.devnull).open("rb"))
        made = Sanitiser(workers=1)
        stack.callback(made.close)
        assert made.sanitise("<p>Hi", Reading()).html == "<p>Hi</p>"
