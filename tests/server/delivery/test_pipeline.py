from datetime import UTC, datetime

import pytest

from server.accounts import account as accounts
from server.delivery.envelope import Envelope, Result, SessionInfo
from server.delivery.recipients import Addressee, Refusal
from server.delivery.verdict import Action, CheckResult
from tests.fakes.mail_house import MailHouse

SESSION = SessionInfo("192.0.2.7", "client.test", None, None, "ESMTP", "abc123")
RAW = b"From: x@far.test\r\nTo: anna@ours.test\r\nSubject: hello\r\nMessage-ID: <1@far.test>\r\n\r\nText\r\n"


async def deliver(house, *recipients, raw=RAW, profile="smtp", **fields):
    envelope = Envelope("x@far.test", recipients, **fields)
    return await house.pipeline.deliver(envelope, raw, SESSION, profile=profile)


async def test_one_message_for_two(house):
    results = await deliver(house, "anna@ours.test", "ben@ours.test")
    assert results == [
        Result("anna@ours.test", True, 250, "2.0.0", "Delivered"),
        Result("ben@ours.test", True, 250, "2.0.0", "Delivered"),
    ]
    (anna,), (ben,) = house.mail("anna"), house.mail("ben")
    assert anna == ben
    assert anna.startswith(b"Return-Path: <x@far.test>\r\nReceived: ")
    assert anna.endswith(RAW)


async def test_one_copy_for_one_person_by_two_addresses(house):
    house.directory.write_now(lambda w: accounts.add_alias(w, "info@ours.test", house.account("anna")))
    results = await deliver(house, "anna@ours.test", "info@ours.test", "anna+x@ours.test")
    assert [r.ok for r in results] == [True, True, True]
    assert len(house.mail("anna")) == 1


async def test_each_recipient_has_its_own_answer(house):
    results = await deliver(house, "no@ours.test", "anna@ours.test", "x@far.test", profile="fetched")
    assert [(r.recipient, r.code, r.enhanced) for r in results] == [
        ("no@ours.test", 550, "5.1.1"),
        ("anna@ours.test", 250, "2.0.0"),
        ("x@far.test", 550, "5.7.1"),
    ]
    assert len(house.mail("anna")) == 1


async def test_a_named_delivery_is_filed_once_from_those_we_trust(house):
    for _ in range(2):
        (result,) = await deliver(house, "anna@ours.test", profile="fetched", envelope_id="source-1-uidl-9")
        assert result.ok
    assert len(house.mail("anna")) == 1


async def test_a_strangers_envid_names_nothing(house):
    for _ in range(2):
        await deliver(house, "anna@ours.test", envelope_id="source-1-uidl-9")
    assert len(house.mail("anna")) == 2


async def test_mailbox_date_and_flags(house):
    when = datetime(2020, 2, 29, 12, 0, tzinfo=UTC)
    await deliver(
        house, "anna@ours.test", profile="import", mailbox="Old/2020 夏", internaldate=when, flags=("\\Seen",)
    )
    (row,) = house.rows("anna", "Old/2020 夏")
    assert row.internaldate == when
    assert row.flags == {"\\Seen"}
    assert house.mail("anna", "Old/2020 夏") == [RAW]


@pytest.mark.parametrize("mailbox", ["inbox", "INBOX"])
async def test_the_inbox_by_name(house, mailbox):
    await deliver(house, "anna@ours.test", profile="fetched", mailbox=mailbox)
    assert len(house.mail("anna")) == 1


async def test_a_mailbox_that_cannot_be_is_the_inbox(house):
    (result,) = await deliver(house, "anna@ours.test", profile="fetched", mailbox="a//b")
    assert result.ok
    assert len(house.mail("anna")) == 1


class Says:
    name, profiles = "says", frozenset({"smtp", "fetched"})

    def __init__(self, result):
        self._result = result

    async def run(self, _subject):
        return self._result


@pytest.mark.parametrize("action", [Action.DEFER, Action.REJECT])
async def test_a_verdict_refuses_for_everybody(tmp_path, action):
    finding = CheckResult("says", action, 471, "4.9.9", "for a reason")
    house = MailHouse(tmp_path, checks=[Says(finding)])
    results = await deliver(house, "anna@ours.test", "ben@ours.test")
    assert [(r.ok, r.code, r.enhanced, r.text) for r in results] == [(False, 471, "4.9.9", "for a reason")] * 2
    assert house.mail("anna") == []
    house.close()


async def test_junk_goes_to_junk_unless_a_mailbox_is_named(tmp_path):
    house = MailHouse(tmp_path, checks=[Says(CheckResult("says", Action.JUNK))])
    await deliver(house, "anna@ours.test")
    await deliver(house, "anna@ours.test", profile="fetched", mailbox="Work")
    assert len(house.mail("anna", "Junk")) == len(house.mail("anna", "Work")) == 1
    assert house.mail("anna") == []
    house.close()


async def test_too_many_hops(house):
    hop = b"Received: from a by b; Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    (result,) = await deliver(house, "anna@ours.test", raw=hop * 51 + RAW)
    assert (result.code, result.enhanced) == (554, "5.4.6")
    assert (await deliver(house, "anna@ours.test", raw=hop * 50 + RAW))[0].ok


# -- quota


async def test_quota_is_asked_before_the_message_comes(house):
    house.limit("anna", 10_000)
    assert isinstance(await house.pipeline.resolve("anna@ours.test", 5_000), Addressee)
    assert await house.pipeline.resolve("anna@ours.test", 10_001) is Refusal.NEVER_FITS
    assert (await deliver(house, "anna@ours.test", raw=RAW + b"x" * 9_000 + b"\r\n"))[0].ok
    assert await house.pipeline.resolve("anna@ours.test", 5_000) is Refusal.OVER_QUOTA
    assert isinstance(await house.pipeline.resolve("ben@ours.test", 5_000), Addressee)


async def test_quota_found_at_filing_is_told(house):
    house.limit("anna", 100)
    (result,) = await deliver(house, "anna@ours.test", profile="fetched")
    assert (result.ok, result.code, result.enhanced) == (False, 452, "4.2.2")
    assert house.mail("anna") == []


async def test_one_full_mailbox_does_not_make_the_other_get_it_twice(house):
    # A 452 for both would bring it again for both; so what has no room waits in the queue.
    house.limit("anna", 100)
    results = await deliver(house, "anna@ours.test", "ben@ours.test")
    assert [r.code for r in results] == [250, 250]
    assert [address for address, _ in house.queued()] == ["anna@ours.test"]
    assert len(house.mail("ben")) == 1


# -- the one answer of SMTP


@pytest.fixture
def broken(house, monkeypatch):
    """Filing fails for the accounts in the set."""
    accounts_broken: set[int] = set()

    def write(store_write):
        async def wrapped(account, fn):
            if account in accounts_broken:
                raise OSError("disk")
            return await store_write(account, fn)

        return wrapped

    monkeypatch.setattr(house.store, "write", write(house.store.write))
    return accounts_broken


async def test_what_cannot_be_filed_now_is_queued_when_others_have_it(house, broken):
    broken.add(house.account("ben"))
    results = await deliver(house, "anna@ours.test", "ben@ours.test")
    assert [r.ok for r in results] == [True, True]
    assert len(house.mail("anna")) == 1
    ((address, octets),) = house.queued()
    assert address == "ben@ours.test"
    assert octets.startswith(b"Received: from client.test")
    assert octets.endswith(RAW)


async def test_an_alias_of_two_queues_only_for_the_one_without(house, broken):
    for name in ("anna", "ben"):
        house.directory.write_now(lambda w, n=name: accounts.add_alias(w, "all@ours.test", house.account(n)))
    broken.add(house.account("anna"))
    (result,) = await deliver(house, "all@ours.test")
    assert result.ok
    assert [address for address, _ in house.queued()] == ["anna@ours.test"]
    assert len(house.mail("ben")) == 1


async def test_nobody_has_it_nothing_is_queued(house, broken):
    broken.update(house.numbers.values())
    results = await deliver(house, "anna@ours.test", "ben@ours.test")
    assert [r.code for r in results] == [451, 451]
    assert house.queued() == []


async def test_lmtp_tells_each_and_queues_nothing(house, broken):
    broken.add(house.account("ben"))
    results = await deliver(house, "anna@ours.test", "ben@ours.test", profile="fetched")
    assert [r.code for r in results] == [250, 451]
    assert house.queued() == []


async def test_when_the_queue_fails_too_the_peer_keeps_the_message(house, broken, monkeypatch):
    async def submit(*_args, **_options):
        raise OSError("disk")

    monkeypatch.setattr(house.pipeline, "_queue_submit", submit)
    broken.add(house.account("ben"))
    results = await deliver(house, "anna@ours.test", "ben@ours.test")
    assert [r.code for r in results] == [250, 451]


async def test_postmaster_without_a_domain(house):
    assert await house.pipeline.resolve("Postmaster", None) is Refusal.UNKNOWN
    house.directory.write_now(lambda w: accounts.add_alias(w, "postmaster@ours.test", house.account("anna")))
    found = await house.pipeline.resolve("Postmaster", None)
    assert isinstance(found, Addressee)
    assert found.accounts[0].account == house.account("anna")
