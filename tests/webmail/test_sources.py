from datetime import UTC, datetime, timedelta

import pytest

from fetcher import account as table
from fetcher.account import NewSource, Source
from webmail import sources

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


@pytest.fixture
def source(app, directory):
    new = NewSource(1, "iris@lin.example", "pop.other.example", 995, "implicit", "iris", name="Other", colour="amber")
    ring = table.keyring(app.extensions["posthouse"].settings)
    number = directory.write_now(lambda w: table.create(w, new, "secret", ring, now=NOW))
    return directory.read_now(lambda r: table.by_id(r, number))


def with_(source, **values):
    return Source(**({name: getattr(source, name) for name in Source.__slots__} | values))


@pytest.mark.parametrize(
    ("state", "code", "kind", "busy"),
    [
        ("new", None, "calm", True),
        ("ok", None, "ok", False),
        ("fetching", None, "on", True),
        ("sign-in", "sign-in-authorisation-code", "warn", False),
        ("failing", "time-out", "bad", False),
        ("paused", None, "calm", False),
    ],
)
def test_every_state_has_words(app, source, state, code, kind, busy):
    with app.test_request_context():
        found = sources.state_of(with_(source, state=state, error_code=code, failing_since=NOW))
    assert (found.kind, found.busy) == (kind, busy)
    assert found.words
    assert bool(found.remedy) is bool(code)


@pytest.mark.parametrize(("done", "total", "shown"), [(0, 0, 0), (5, 10, 50), (1, 3, 33), (11, 10, 100)])
def test_percents(source, done, total, shown):
    assert sources.percent(with_(source, progress_done=done, progress_total=total)) == shown


def test_times_in_words(app):
    with app.test_request_context():
        assert sources.ago(None) == "–"
        assert sources.ago(sources.now() - timedelta(minutes=5)) == "5 minutes ago"
        assert sources.coming(sources.now() - timedelta(minutes=5)) == "now"
        assert sources.coming(sources.now() + timedelta(minutes=5, seconds=5)) == "in 5 minutes"


@pytest.mark.parametrize(("typed", "port"), [("995", 995), ("", 0), ("-1", 0), ("٣", 0), ("1e3", 0), ("123456", 0)])
def test_ports(typed, port):
    assert sources.port(typed) == port


@pytest.mark.parametrize(
    ("name", "address", "letter"),
    [("Gmail", "", "G"), ("网易", "", "网"), ("", "iris@x.example", "I"), ("— ", "", "—"[:0] or "@")],
)
def test_monograms(source, name, address, letter):
    assert sources.monogram(with_(source, name=name, address=address)) == letter
