"""One fetch against a provider that behaves, and against many that do not."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from fetcher import account, lease, run, seen
from fetcher.connection import Environment
from fetcher.dialogue import Limits
from fetcher.uidl import State
from server.config import Settings
from tests.fakes.pop3_server import letters
from tests.fetcher.conftest import QUICK

SIZE = 20


def fill(world, count=SIZE, **options):
    raws = letters(count, **options)
    for raw in raws:
        world.drop.add(raw)
    return raws


def never_undelivered(world):
    """Let a deletion at the provider fail the test unless the message is with us."""

    def check(message):
        assert message.raw in world.mailbox.stored.values(), "deleted before it was durable"

    world.drop.before_delete = check


async def test_everything_comes_once_and_stays(world):
    raws = fill(world)
    world.add()
    first = await world.fetch()
    assert (first.delivered, first.error) == (SIZE, None)
    assert sorted(world.delivered()) == sorted(raws)
    second = await world.fetch()
    assert (second.delivered, second.error) == (0, None)
    assert len(world.drop.messages) == SIZE and not world.mailbox.repeated
    source = world.source()
    assert (source.state, source.delivered_count, source.remote_count, source.imported) == ("ok", SIZE, SIZE, True)
    assert source.error_code is None and source.lease is None
    assert source.next_run > world.clock.now()


async def test_what_comes_later_comes_in_order(world):
    fill(world, 3)
    world.add()
    await world.fetch()
    later = letters(30, start=100)
    for raw in later:
        world.drop.add(raw)
    await world.fetch()
    assert world.delivered()[3:] == later


async def test_the_first_import_brings_the_newest_first(world):
    raws = fill(world, 50)
    world.batch = 10
    world.add()
    report = await world.fetch()
    assert report.delivered == 50 and world.pop3.sessions == 5
    assert set(world.delivered()[:10]) == set(raws[40:])


async def test_deleting_happens_after_delivery_and_is_written_down(world):
    fill(world)
    never_undelivered(world)
    world.add(leave=False)
    report = await world.fetch()
    assert (report.delivered, report.removed) == (SIZE, SIZE)
    assert not world.drop.messages and len(world.drop.deleted) == SIZE
    stories = world.database.read(lambda r: seen.stories(r, world.source_id))
    assert all(s.removed_at is not None and s.state == "delivered" and s.mailbox == "INBOX" for s in stories)


async def test_the_envelope_says_what_the_store_needs(world):
    raw = letters(1)[0]
    world.drop.add(b"Return-Path: <list-owner@example.org>\r\n" + raw, "the-uidl")
    world.add(mailbox="Alt/Größe")
    await world.fetch()
    said = world.mailbox.parameters[0]
    assert said["from"] == "FROM:<list-owner@example.org>"
    assert said["XMAILBOX"] == "Alt/Gr+C3+B6+C3+9Fe"
    assert said["XDATE"] == "1772445600"  # the topmost Received: 2 March 2026, 10:00 UTC
    assert said["ENVID"].startswith(f"src{world.source_id}.")


async def test_an_unchanged_listing_costs_no_look_at_the_ledger(world):
    fill(world)
    world.add()
    await world.fetch()
    assert world.source().listing_hash is not None
    world.clock.advance(600)
    now = world.clock.now()
    claimed = world.database.write(lambda w: lease.claim(w, now=now, room=1, caps=lease.Caps()))
    world.pop3.commands.clear()
    await run.fetch(claimed[0], world.kit)
    assert world.pop3.commands["QUIT"] == 1 and world.pop3.commands["RETR"] == 0


@pytest.mark.parametrize("lines", range(0, 75, 3))
async def test_dropped_at_every_line_nothing_is_lost_or_doubled(world, lines):
    raws = fill(world, 5, size=80)
    never_undelivered(world)
    world.manners.drop_after_lines = lines
    world.add(leave=False)
    await world.fetch()
    world.manners.drop_after_lines = None
    report = await world.fetch()
    assert report.error is None
    assert sorted(world.delivered()) == sorted(raws)
    assert not world.drop.messages


async def test_a_quit_that_fails_deletes_in_the_next_session_after_a_second_look(world):
    fill(world)
    never_undelivered(world)
    world.manners.quit_fails = True
    world.add(leave=False)
    await world.fetch()
    assert len(world.drop.messages) == SIZE
    stories = world.database.read(lambda r: seen.stories(r, world.source_id))
    assert all(s.removed_at is None for s in stories)
    world.manners.quit_fails = False
    world.pop3.commands.clear()
    report = await world.fetch()
    assert (report.delivered, report.removed) == (0, SIZE)
    assert world.pop3.commands["TOP"] == SIZE and world.pop3.commands["RETR"] == 0


async def test_new_uidls_for_old_mail_bring_nothing_twice(world):
    raws = fill(world)
    world.add()
    await world.fetch()
    world.drop.messages.clear()
    for number, raw in enumerate(raws):
        world.drop.add(raw, f"moved-{number}")
    report = await world.fetch()
    assert (report.delivered, report.duplicates) == (0, SIZE)
    assert len(world.mailbox.stored) == SIZE


async def test_a_uidl_that_returns_for_another_message_loses_nothing(world):
    """A server that numbers messages by place gives a deleted one's UIDL to the next."""
    old, new = letters(2, size=400)
    assert len(old) == len(new)
    never_undelivered(world)
    world.drop.add(old, "1")
    world.add(leave=False)
    await world.fetch()
    world.drop.add(new, "1")
    report = await world.fetch()
    assert report.delivered == 1
    assert world.delivered() == [old, new]
    assert not world.drop.messages


async def test_places_as_uidls_shift_and_still_nothing_is_lost(world):
    """The provider counts 1, 2, 3 ... anew in each session; its own web page deletes the first message."""
    raws = letters(4)
    world.drop.messages.clear()
    for place, raw in enumerate(raws[:3], 1):
        world.drop.add(raw, str(place))
    never_undelivered(world)
    world.add()
    await world.fetch()
    world.drop.messages.clear()
    for place, raw in enumerate(raws[1:], 1):
        world.drop.add(raw, str(place))
    source = world.source()
    world.database.write(lambda w: account.change(w, source.id, now=world.clock.now(), leave=False))
    await world.fetch()
    assert sorted(world.delivered()) == sorted(raws)


async def test_the_same_octets_twice_come_once(world):
    raw = letters(1)[0]
    for name in ("a", "b", "c"):
        world.drop.add(raw, name)
    never_undelivered(world)
    world.add(leave=False)
    report = await world.fetch()
    assert report.error is None and len(world.mailbox.stored) == 1
    assert not world.drop.messages
    assert sorted(world.states().values()) == ["delivered", "duplicate", "duplicate"]


async def test_one_uidl_for_all_messages_loses_none(world):
    raws = letters(6)
    for raw in raws:
        world.drop.add(raw, "same")
    never_undelivered(world)
    world.add(leave=False)
    await world.fetch()
    assert sorted(world.delivered()) == sorted(raws)
    assert not world.drop.messages


@pytest.mark.parametrize("top", [True, False])
async def test_without_uidl_the_header_is_the_key(world, top):
    raws = fill(world, 6)
    world.manners.uidl, world.manners.top = False, top
    world.manners.capa = ("PIPELINING", "USER", "TOP") if top else ("USER",)
    world.add()
    assert (await world.fetch()).delivered == 6
    world.drop.add(letters(1, start=99)[0])
    assert (await world.fetch()).delivered == 1
    assert len(world.delivered()) == 7 and set(world.delivered()) > set(raws)


async def test_wrong_sizes_do_no_harm(world):
    raws = fill(world)
    world.manners.declared_size = lambda real: real // 3
    world.add()
    assert (await world.fetch()).delivered == SIZE
    assert sorted(world.delivered()) == sorted(raws)
    world.manners.declared_size = lambda real: real * 2
    assert (await world.fetch()).delivered == 0


async def test_a_message_over_the_limit_stays_and_is_told(world):
    world.settings = replace(world.settings, message_size_limit=65_536)
    big = letters(1, size=100_000)[0]
    small = letters(1, start=7)[0]
    world.drop.add(big, "big")
    world.drop.add(small, "small")
    world.add(leave=False)
    report = await world.fetch()
    assert (report.delivered, report.refused) == (1, 1)
    assert [m.uidl for m in world.drop.messages] == ["big"]
    story = next(s for s in world.database.read(lambda r: seen.stories(r, world.source_id)) if s.uidl == "big")
    assert (story.state, story.reason_code) == ("refused", "message-too-big")
    assert world.source().refused_count == 1


async def test_a_size_that_lies_is_found_out_and_the_others_still_come(world):
    world.environment = Environment(QUICK, Limits(message=20_000))
    liar = letters(1, size=50_000)[0]
    rest = letters(5, start=1)
    for raw in (*rest[:2], liar, *rest[2:]):
        world.drop.add(raw)
    world.manners.declared_size = lambda real: min(real, 900)
    world.add()
    report = await world.fetch()
    assert report.error is None
    assert sorted(world.delivered()) == sorted(rest)
    assert list(world.states().values()).count("refused") == 1


@pytest.mark.parametrize("mode", ["endless_line", "endless_message"])
async def test_an_endless_message_is_cut_off(world, mode):
    fill(world, 1)
    setattr(world.manners, mode, True)
    world.add()
    report = await world.fetch()
    assert report.delivered == 0
    assert list(world.states().values()) == ["refused"]


async def test_one_octet_at_a_time(world):
    raws = fill(world, 2, size=100)
    world.manners.chunk = 1
    world.add()
    assert (await world.fetch()).delivered == 2
    assert sorted(world.delivered()) == sorted(raws)


async def test_a_trickle_is_given_up(world):
    fill(world, 1, size=5000)
    world.environment = Environment(replace(QUICK, reply=0.3, rate=10_000), Limits())
    world.manners.chunk, world.manners.chunk_pause = 1, 0.01
    world.add()
    report = await world.fetch()
    assert report.error.code == "too-slow"
    assert world.source().state == "failing"


async def test_a_server_with_bare_line_feeds(world):
    raws = fill(world, 5)
    world.manners.bare_lf = True
    world.add(leave=False)
    assert (await world.fetch()).delivered == 5
    assert sorted(world.delivered()) == sorted(raws)


async def test_without_capa_and_pipelining(world):
    fill(world)
    world.manners.capa = None
    world.add()
    assert (await world.fetch()).delivered == SIZE


@pytest.mark.parametrize(
    ("words", "code", "state"),
    [
        ("-ERR [AUTH] bad", "sign-in", "sign-in"),
        ("-ERR [IN-USE] locked", "in-use", "new"),
        ("-ERR [LOGIN-DELAY] too soon", "login-delay", "new"),
        ("-ERR [SYS/TEMP] later", "provider-temporary", "failing"),
        ("-ERR [SYS/PERM] never", "provider-permanent", "failing"),
        ("-ERR unable to lock maildrop", "in-use", "new"),
        ("-ERR Unsafe Login. Please contact kefu@188.com", "sign-in-unsafe", "sign-in"),
        ("-ERR [SYS/PERM] User is authenticated but not connected.", "provider-permanent", "failing"),
        ("-ERR User is authenticated but not connected.", "sign-in-not-connected", "sign-in"),
    ],
)
async def test_a_refused_sign_in_is_understood(world, words, code, state):
    world.manners.refuse_sign_in = words
    world.add()
    report = await world.fetch()
    assert report.error.code == code
    source = world.source()
    assert (source.error_code, source.state, source.failures) == (code, state, 1)
    assert source.trouble.remedy


async def test_the_sign_in_is_given_up_after_some_refusals_and_a_new_password_heals(world):
    fill(world, 1)
    world.add(password="wrong")
    for _ in range(5):
        await world.fetch(later=100_000)
    assert world.source().next_run is None
    assert world.source().failing_since is not None
    ring = account.keyring(world.settings)
    now = world.clock.now()
    world.database.write(lambda w: account.change(w, world.source_id, now=now, password="right horse", ring=ring))
    assert (await world.fetch()).delivered == 1
    source = world.source()
    assert (source.state, source.failures, source.failing_since, source.error_code) == ("ok", 0, None, None)


async def test_a_mailbox_in_use_for_long_is_a_failure_in_the_end(world):
    world.manners.in_use = "-ERR [IN-USE] x"
    world.add()
    for _ in range(5):
        await world.fetch(later=10_000)
    assert world.source().state == "failing"


async def test_the_key_lost_asks_for_the_password_and_keeps_everything(world):
    fill(world, 1)
    world.add()
    world.settings.secret_key_file.unlink()
    report = await world.fetch()
    assert report.error.code == "secret-key-missing"
    assert world.source().state == "sign-in" and world.pop3.sessions == 0
    assert not world.settings.secret_key_file.exists()


async def test_refused_by_our_server_stays_and_can_be_tried_again(world):
    fill(world, 5)
    world.lmtp_manners.refuse_subject = {b"Number 3": "554 5.6.0 not this one"}
    world.add(leave=False)
    report = await world.fetch()
    assert (report.delivered, report.refused, report.error) == (4, 1, None)
    assert len(world.drop.messages) == 1
    assert (await world.fetch()).refused == 0
    world.lmtp_manners.refuse_subject = {}
    world.database.write(lambda w: seen.try_refused_again(w, world.source_id))
    assert (await world.fetch()).delivered == 1
    assert not world.drop.messages


async def test_put_off_by_our_server_comes_later_and_is_not_deleted(world):
    fill(world, 5)
    never_undelivered(world)
    world.lmtp_manners.refuse_subject = {b"Number 3": "451 4.3.0 later"}
    world.add(leave=False)
    report = await world.fetch()
    assert (report.delivered, report.error.code) == (4, "delivery-deferred")
    assert len(world.drop.messages) == 1
    world.lmtp_manners.refuse_subject = {}
    assert (await world.fetch()).delivered == 1
    assert len(world.delivered()) == 5


async def test_a_full_mailbox_stops_the_fetch_and_nothing_is_deleted(world):
    fill(world)
    world.lmtp_manners.data = "452 4.2.2 full"
    world.add(leave=False)
    report = await world.fetch()
    assert report.error.code == "over-quota"
    assert len(world.drop.messages) == SIZE and not world.drop.deleted
    world.lmtp_manners.data = "250 ok"
    assert (await world.fetch()).delivered == SIZE


@pytest.mark.parametrize(
    ("answer", "code"), [("550 5.1.1 unknown", "delivery-recipient"), ("452 4.2.2 full", "over-quota")]
)
async def test_a_recipient_refused_is_no_messages_fault(world, answer, code):
    fill(world)
    world.lmtp_manners.rcpt = answer
    world.add(leave=False)
    report = await world.fetch()
    assert report.error.code == code
    assert len(world.drop.messages) == SIZE
    assert State.REFUSED not in world.states().values()


async def test_our_server_is_down(world):
    fill(world)
    world.add(leave=False)
    await world.lmtp.__aexit__()
    report = await world.fetch()
    assert report.error.code == "delivery-unavailable"
    assert len(world.drop.messages) == SIZE
    await world.lmtp.__aenter__()
    assert (await world.fetch()).delivered == SIZE


async def test_a_lost_answer_delivers_again_under_the_same_name(world):
    raws = fill(world, 3)
    world.lmtp_manners.drop_after_data = True
    world.add(leave=False)
    assert (await world.fetch()).error.code == "delivery-unavailable"
    assert len(world.drop.messages) == 3
    world.lmtp_manners.drop_after_data = False
    await world.fetch()
    assert sorted(world.delivered()) == sorted(raws)
    assert sum(world.mailbox.repeated.values()) >= 1


async def test_our_server_closing_between_messages_is_no_trouble(world):
    fill(world)
    world.lmtp_manners.close_after = 2
    world.add()
    assert (await world.fetch()).delivered == SIZE


async def test_lmtp_without_pipelining(world):
    fill(world)
    world.lmtp_manners.pipelining = False
    world.add()
    assert (await world.fetch()).delivered == SIZE


async def test_a_message_gone_meanwhile_is_passed_over(world):
    fill(world, 5)
    world.manners.retr_error = {3: "-ERR no such message"}
    world.add()
    assert (await world.fetch()).delivered == 4


async def test_a_temporary_refusal_of_a_message_ends_the_session(world):
    fill(world, 5)
    world.manners.retr_error = {3: "-ERR [SYS/TEMP] disk"}
    world.add()
    assert (await world.fetch()).error.code == "provider-temporary"
    world.manners.retr_error = {}
    await world.fetch()
    assert len(world.delivered()) == 5


async def test_pausing_ends_a_run_at_its_next_message(world):
    fill(world, 200)
    world.lmtp_manners.pause = 0.02
    world.add()
    running = asyncio.create_task(world.fetch())
    while not world.mailbox.stored:
        await asyncio.sleep(0.01)
    world.database.write(lambda w: account.pause(w, world.source_id))
    report = await running
    assert report.error.code == "gone"
    source = world.source()
    assert source.state == "paused" and 0 < source.delivered_count < 200
    world.database.write(lambda w: account.resume(w, world.source_id, now=world.clock.now()))
    world.lmtp_manners.pause = 0
    await world.fetch()
    assert len(world.mailbox.stored) == 200 and not world.mailbox.repeated


async def test_a_removed_source_ends_and_leaves_no_rows(world):
    fill(world, 200)
    world.lmtp_manners.pause = 0.02
    world.add()
    running = asyncio.create_task(world.fetch())
    while not world.mailbox.stored:
        await asyncio.sleep(0.01)
    world.database.write(lambda w: account.delete(w, world.source_id))
    assert (await running).error.code == "gone"
    assert world.states() == {}


async def test_stopping_gives_the_lease_back_and_keeps_the_marks(world):
    fill(world, 200)
    world.lmtp_manners.pause = 0.02
    world.add()
    running = asyncio.create_task(world.fetch())
    while len(world.mailbox.stored) < 10:
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    source = world.source()
    assert source.lease is None and source.state == "new" and source.next_run <= world.clock.now()
    assert len(world.states()) >= 6
    world.lmtp_manners.pause = 0
    await world.fetch()
    assert len(world.mailbox.stored) == 200


async def test_progress_is_shown_and_written_at_most_twice_a_second(world, monkeypatch):
    fill(world, 100)
    world.lmtp_manners.pause = 0.04
    world.add()
    writes = []
    real = lease.renew
    monkeypatch.setattr(
        lease, "renew", lambda w, i, lid, p, **k: (writes.append((p.done, p.total)), real(w, i, lid, p, **k))[1]
    )
    running = asyncio.create_task(world.fetch())
    shown = set()
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not running.done():
        await asyncio.sleep(0.05)
        source = world.source()
        if source.state == "fetching":
            shown.add((source.progress_done, source.progress_total))
    took = loop.time() - began
    assert writes[-1] == (100, 100)
    assert len(shown) > 1 and all(done <= total for done, total in shown)
    assert len(writes) <= took / 0.5 + 3


async def test_a_provider_that_offers_a_part_at_a_time_is_asked_until_nothing_comes(world, monkeypatch):
    raws = fill(world, 25)
    world.manners.offer = 10
    monkeypatch.setattr(run.providers, "by_host", lambda _: run.providers.for_address("x@gmail.com"))
    world.add()
    assert (await world.fetch()).delivered == 25
    assert world.pop3.sessions == 4
    assert sorted(world.delivered()) == sorted(raws)
    # It forgets what was collected and offers everything once more.
    world.manners.offer = None
    report = await world.fetch()
    assert (report.delivered, report.error) == (0, None)
    assert len(world.mailbox.stored) == 25


async def test_a_session_has_an_end(world, monkeypatch):
    monkeypatch.setattr(run, "SESSION_SECONDS", 0.3)
    fill(world, 1, size=5000)
    world.manners.chunk, world.manners.chunk_pause = 1, 0.01
    world.add()
    assert (await world.fetch()).error.code == "too-slow"


async def test_an_unforeseen_error_is_told_as_such_and_logged(world, monkeypatch):
    world.add()

    def broken(*_args, **_kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr(run, "target_of", broken)
    report = await world.fetch()
    assert report.error.code == "internal" and world.source().state == "failing"


@pytest.mark.parametrize(("given", "near"), [({}, True), ({"base_url": "https://mail.example"}, False)])
def test_t051_only_a_trial_collects_from_its_own_machine(tmp_path, given, near):
    """Behind a proxy, people from everywhere name servers, whatever address is bound."""
    source = SimpleNamespace(host="127.0.0.1", port=110, tls="none", private_ok=False, protocol="pop3")
    assert run.target_of(source, Settings(data=tmp_path, **given)).private_ok is near
