from dataclasses import replace

import pytest

from fetcher import account, lease, seen
from fetcher.account import SourceInvalid
from fetcher.errors import FetchError
from fetcher.lease import Caps, Ending, Progress
from fetcher.seen import Mark
from fetcher.uidl import State
from server.db.database import Database


def refused(act):
    with pytest.raises(SourceInvalid) as caught:
        act()
    return caught.value.field, caught.value.reason


def change(world, **values):
    world.database.write(lambda w: account.change(w, world.source_id, now=world.clock.now(), **values))


def claim(world, room=10, **caps):
    return world.database.write(lambda w: lease.claim(w, now=world.clock.now(), room=room, caps=Caps(**caps)))


def finish(world, source, ending):
    return world.database.write(lambda w: lease.finish(w, source.id, source.lease, ending, now=world.clock.now()))


async def test_a_source_is_stored_sealed_and_due(world):
    world.add(password="very secret words", name="Old mail", colour="blue")
    source = world.source()
    assert (source.state, source.host, source.name, source.leave) == ("new", "127.0.0.1", "Old mail", True)
    assert source.next_run == world.clock.now()
    ring = account.keyring(world.settings)
    assert ring.open(source.sealed_password, account_id=1, source_id=source.id) == "very secret words"


async def test_a_copy_of_the_database_holds_no_password(world):
    world.add(password="very secret words")
    world.database.close()
    for path in world.settings.data.glob("directory.db*"):
        assert b"very secret" not in path.read_bytes()


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("host", "", "empty"),
        ("host", "a b", "bad"),
        ("host", "x/../y", "bad"),
        ("host", "x\r\ny", "bad"),
        ("port", 0, "bad"),
        ("port", 70000, "bad"),
        ("tls", "maybe", "bad"),
        ("protocol", "nntp", "bad"),
        ("username", "  ", "empty"),
        ("username", "a\r\nDELE 1", "bad"),
        ("mailbox", "", "empty"),
        ("name", "x" * 501, "long"),
    ],
)
async def test_what_cannot_be_stored_is_said_field_by_field(world, field, value, reason):
    assert refused(lambda: world.add(**{field: value})) == (field, reason)
    assert world.database.read(account.list_all) == []


@pytest.mark.parametrize(("password", "reason"), [("", "empty"), ("a\nb", "bad"), ("x" * 5000, "long")])
async def test_passwords_that_cannot_be(world, password, reason):
    assert refused(lambda: world.add(password=password)) == ("password", reason)


async def test_the_same_mailbox_is_collected_once_and_names_are_normalised(world):
    world.add(host="POP.Example.org.")
    assert world.source().host == "pop.example.org"
    assert refused(lambda: world.add(host="pop.example.ORG")) == ("username", "exists")
    first = world.source_id
    world.add(host="Bücher.example")
    assert world.source().host == "xn--bcher-kva.example"
    world.source_id = first
    assert refused(lambda: change(world, host="bücher.example")) == ("username", "exists")
    world.add(account_id=2, host="pop.example.org")


async def test_a_person_has_so_many_sources_and_no_more(world, monkeypatch):
    monkeypatch.setattr(account, "SOURCES_PER_ACCOUNT", 2)
    world.add(username="a")
    world.add(username="b")
    assert refused(lambda: world.add(username="c")) == ("host", "many")
    world.add(username="c", account_id=2)


async def test_a_key_that_cannot_be_used_stores_nothing(world):
    world.settings.secret_key_file.write_bytes(b"damaged")
    with pytest.raises(FetchError):
        world.add()
    assert world.database.read(account.list_all) == []


async def test_an_id_never_returns(world):
    first = world.add()
    world.database.write(lambda w: account.delete(w, first))
    assert world.add() > first


async def test_only_the_owner_finds_a_source(world):
    world.add()
    assert world.database.read(lambda r: account.by_id(r, world.source_id, 1)) is not None
    assert world.database.read(lambda r: account.by_id(r, world.source_id, 2)) is None
    assert [s.id for s in world.database.read(lambda r: account.list_for(r, 1))] == [world.source_id]
    assert world.database.read(lambda r: account.list_for(r, 2)) == []


async def test_changes_that_matter_make_it_due_again(world):
    world.add()
    source = claim(world)[0]
    finish(world, source, Ending("sign-in", None, error_code="sign-in", failures=5))
    assert world.source().next_run is None
    change(world, name="Other")
    assert world.source().next_run is None
    world.clock.advance(60)
    change(world, password="new", ring=account.keyring(world.settings))
    source = world.source()
    assert (source.state, source.failures, source.error_code, source.next_run) == ("new", 0, None, world.clock.now())
    assert refused(lambda: change(world, lease="x")) == ("lease", "bad")
    assert refused(lambda: change(world, account_id=2)) == ("account_id", "bad")
    world.source_id = 999
    assert refused(lambda: change(world, name="x")) == ("id", "bad")


# -- leases


async def test_a_source_is_claimed_by_one_only(world):
    world.add()
    other = Database(world.database.path, account.SCHEMA)
    first = claim(world)
    second = other.write(lambda w: lease.claim(w, now=world.clock.now(), room=10, caps=Caps()))
    other.close()
    assert len(first) == 1 and second == []
    assert world.source().state == "fetching"


async def test_a_lease_runs_out_and_its_old_holder_writes_nothing(world):
    world.add()
    old = claim(world)[0]
    world.clock.advance(lease.LEASE_SECONDS)
    new = claim(world)[0]
    assert new.lease != old.lease
    assert not finish(world, old, Ending("ok", 300))
    assert world.source().state == "fetching"
    assert not world.database.write(lambda w: lease.renew(w, old.id, old.lease, Progress(1, 1), now=world.clock.now()))
    assert finish(world, new, Ending("ok", 300))
    assert world.source().state == "ok"


async def test_caps_for_a_provider_and_for_a_person(world):
    for n in range(6):
        world.add(username=f"u{n}", account_id=n, host="one.example")
    for n in range(6):
        world.add(username=f"u{n}", account_id=50, host=f"{n}.example")
    taken = claim(world, room=100, host=2, account=3)
    assert sum(s.host == "one.example" for s in taken) == 2
    assert sum(s.account_id == 50 for s in taken) == 3
    assert claim(world, room=100, host=2, account=3) == []


async def test_a_thousand_of_one_provider_hide_nobody_elses(world, monkeypatch):
    monkeypatch.setattr(account, "SOURCES_PER_ACCOUNT", 1000)
    for n in range(300):
        world.add(username=f"u{n}", account_id=n % 30, host="busy.example")
    world.clock.advance(10)
    last = world.add(username="x", account_id=77, host="other.example")
    taken = claim(world, room=10, host=3, account=3)
    assert len(taken) == 4 and taken[-1].id == last
    one = world.database.write(
        lambda w: lease.claim(w, now=world.clock.now(), room=1, caps=Caps(host=99, account=99), source_id=299)
    )
    assert [s.id for s in one] == [299]


async def test_the_wanted_come_first(world):
    for n in range(5):
        world.add(username=f"u{n}", host=f"{n}.example")
    world.database.write(lambda w: account.fetch_now(w, world.source_id, now=world.clock.now()))
    assert claim(world, room=1)[0].id == world.source_id


async def test_collect_now_during_a_run_is_not_forgotten(world):
    world.add()
    source = claim(world)[0]
    world.clock.advance(5)
    world.database.write(lambda w: account.fetch_now(w, source.id, now=world.clock.now()))
    finish(world, source, Ending("ok", 300, listing_hash="x"))
    assert world.source().next_run == world.clock.now() and world.source().listing_hash is None
    assert claim(world)[0].id == source.id


async def test_paused_is_not_due_and_stays_paused_after_a_run(world):
    world.add()
    source = claim(world)[0]
    world.database.write(lambda w: account.pause(w, source.id))
    finish(world, source, Ending("ok", 1))
    world.clock.advance(10_000)
    assert world.source().state == "paused" and claim(world) == []
    world.database.write(lambda w: account.fetch_now(w, source.id, now=world.clock.now()))
    assert claim(world) == []
    world.database.write(lambda w: account.resume(w, source.id, now=world.clock.now()))
    assert claim(world)[0].state == "fetching"


async def test_failing_since_the_first_failure(world):
    world.add()
    began = world.clock.now()
    for n in (1, 2):
        finish(world, claim(world)[0], Ending("failing", 10, error_code="time-out", error_text="x", failures=n))
        world.clock.advance(100)
    assert world.source().failing_since == began
    finish(world, claim(world)[0], Ending("ok", 10))
    source = world.source()
    assert (source.failing_since, source.error_code, source.error_text) == (None, None, None)


# -- the ledger


def marks(world, *items):
    world.database.write(lambda w: seen.mark(w, 7, items, now=world.clock.now()))


async def test_the_story_of_a_message(world):
    marks(world, Mark("a", State.DELIVERED, message_id="a@b", mailbox="INBOX", size=5))
    world.clock.advance(60)
    marks(world, Mark("b", State.REFUSED, reason_code="message-refused", reason_text="554 no"))
    world.database.write(lambda w: seen.removed(w, 7, ["a"], now=world.clock.now()))
    latest, first = world.database.read(lambda r: seen.stories(r, 7))
    assert (latest.uidl, latest.state, latest.reason_text) == ("b", "refused", "554 no")
    assert first.removed_at == world.clock.now() and first.first_seen < first.removed_at
    assert [s.uidl for s in world.database.read(lambda r: seen.stories(r, 7, search="a@b"))] == ["a"]
    assert world.database.read(lambda r: seen.stories(r, 7, search="%")) == []
    assert world.database.read(lambda r: seen.counts(r, 7)) == {"delivered": 1, "refused": 1}
    assert world.database.read(lambda r: seen.stories(r, 8)) == []


async def test_absence_is_noted_once_and_forgotten_late(world):
    marks(world, *(Mark(str(n), State.DELIVERED) for n in range(1000)))
    here = {str(n) for n in range(500)}

    def note():
        return world.database.write(lambda w: seen.note_absent(w, 7, here.__contains__, now=world.clock.now()))

    assert note() == 500
    assert note() == 0
    known = world.database.read(lambda r: seen.known(r, 7, [str(n) for n in range(1000)]))
    assert sum(k.absent for k in known.values()) == 500 and len(known) == 1000
    world.clock.advance(seen.KEPT_AFTER_ABSENCE.total_seconds() + 86_400)
    note()
    assert sum(world.database.read(lambda r: seen.counts(r, 7)).values()) == 500


async def test_a_twin_has_the_same_octets_or_was_moved(world):
    marks(
        world,
        Mark("here", State.DELIVERED, size=5, header_hash="h1", content_hash="c1"),
        Mark("gone", State.DELIVERED, size=5, header_hash="h2", content_hash="c2"),
        Mark("no", State.REFUSED, size=5, header_hash="h3", content_hash="c3"),
    )
    world.database.write(lambda w: seen.note_absent(w, 7, lambda u: u != "gone", now=world.clock.now()))

    def twin(size, content, head):
        return world.database.read(lambda r: seen.twin(r, 7, "new", size=size, content_hash=content, header_hash=head))

    assert twin(9, "c1", "x") == "here"
    assert twin(5, "x", "h1") is None
    assert twin(5, "x", "h2") == "gone"
    assert twin(6, "x", "h2") is None
    assert twin(5, "c3", "h3") is None


async def test_tables_are_made_where_nobody_asked_for_them(tmp_path):
    account.ensure_tables(tmp_path / "x.db")
    other = Database(tmp_path / "x.db", account.SCHEMA)
    assert other.read(account.list_all) == []
    other.close()


async def test_everything_of_an_account_goes_with_it(world):
    world.add(username="a")
    world.add(username="b")
    keep = world.add(username="c", account_id=2)
    world.database.write(lambda w: seen.mark(w, world.source_id, [Mark("x", State.DELIVERED)], now=world.clock.now()))
    world.database.write(lambda w: account.delete_for_account(w, 1))
    assert [s.id for s in world.database.read(account.list_all)] == [keep]
    assert replace(world.source(keep)).account_id == 2


async def test_it_is_known_which_passwords_no_key_opens(world):
    ring = account.keyring(world.settings)
    closed = world.add(username="a")
    world.settings.secret_key_file.rename(world.settings.data / "old.key")
    assert world.database.read(lambda r: account.unopenable(r, ring)) == [closed]
    world.add(username="b")
    assert world.database.read(lambda r: account.unopenable(r, ring)) == [closed]
    (world.settings.data / "old.key").rename(world.settings.secret_key_file)
    assert world.database.read(lambda r: account.unopenable(r, ring)) == [world.source_id]
