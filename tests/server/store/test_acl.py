import pytest

from server.db.database import Database
from server.store import acl, append, mailboxes, predicate, schema
from server.store.acl import ANYONE, Entry
from server.store.errors import TooManyEntries
from tests.fakes.mail_account import BORN, MailAccount

BOB, CY = 2, 3


def entry(grantee, letters, *, negative=False):
    return Entry(grantee, negative, frozenset(letters))


@pytest.fixture
def plans(account):
    return account.write(lambda w: mailboxes.create(w, "Plans")).id


def put(account, mailbox_id, *entries):
    for one in entries:
        account.write(lambda w, one=one: acl.put(w, mailbox_id, one))


def held(account, mailbox_id, grantee):
    return "".join(sorted(account.read(lambda r: acl.rights(r, mailbox_id, grantee))))


def test_nobody_is_let_in_without_a_line(account, plans):
    assert held(account, plans, BOB) == held(account, plans, ANYONE) == ""
    assert account.read(lambda r: acl.granted(r, BOB)) == {}


def test_own_rights_and_everybodys_add_up_and_negative_ones_are_taken_off(account, plans):
    put(account, plans, entry(BOB, "lr"), entry(ANYONE, "lis"), entry(BOB, "s", negative=True))
    assert held(account, plans, BOB) == "ilr"
    assert held(account, plans, CY) == "ils"
    assert account.read(lambda r: acl.granted(r, CY)) == {plans: frozenset("lis")}
    put(account, plans, entry(ANYONE, "lis", negative=True))
    assert held(account, plans, BOB) == "r"
    assert account.read(lambda r: acl.granted(r, CY)) == {}


def test_a_line_is_replaced_and_one_without_rights_goes(account, plans):
    put(account, plans, entry(BOB, "lr"), entry(BOB, "xa"))
    assert account.read(lambda r: acl.entries(r, plans)) == [entry(BOB, "xa")]
    put(account, plans, entry(BOB, ""))
    assert account.read(lambda r: acl.entries(r, plans)) == []


def test_what_is_made_below_begins_with_the_same_list(account, plans):
    put(account, plans, entry(BOB, "lr"), entry(CY, "s", negative=True))
    made = account.write(lambda w: mailboxes.create(w, "Plans/2026/May")).id
    assert account.read(lambda r: acl.entries(r, made)) == [entry(BOB, "lr"), entry(CY, "s", negative=True)]
    put(account, plans, entry(BOB, ""))
    assert held(account, made, BOB) == "lr"
    beside = account.write(lambda w: mailboxes.create(w, "Plans2")).id
    assert held(account, beside, BOB) == ""


def test_a_new_name_keeps_the_list_and_deleting_ends_it(account, plans):
    put(account, plans, entry(BOB, "lr"))
    account.write(lambda w: mailboxes.create(w, "Open"))
    account.write(lambda w: mailboxes.rename(w, "Plans", "Open/Plans"))
    assert held(account, plans, BOB) == "lr"
    account.write(lambda w: mailboxes.delete(w, "Open/Plans"))
    again = account.write(lambda w: mailboxes.create(w, "Plans")).id
    assert held(account, plans, BOB) == held(account, again, BOB) == ""
    assert account.read(acl.grantees) == set()


def test_grantees_are_those_who_were_given_something(account, plans):
    put(account, plans, entry(BOB, "lr"), entry(CY, "s", negative=True), entry(ANYONE, "l"))
    assert account.read(acl.grantees) == {BOB, ANYONE}


def test_a_list_has_an_end(account, plans, monkeypatch):
    monkeypatch.setattr(acl, "ENTRIES", 2)
    put(account, plans, entry(BOB, "l"), entry(CY, "l"), entry(BOB, "lr"))
    with pytest.raises(TooManyEntries):
        put(account, plans, entry(4, "l"))
    assert held(account, plans, BOB) == "lr"


def test_a_change_wakes_the_sessions_of_the_account(tmp_path):
    heard = []
    database = Database(tmp_path / "mail.db", schema.account_schema(BORN), on_commit=heard.append)
    number = database.read(lambda r: mailboxes.by_name(r, "INBOX")).id
    database.write(lambda w: acl.put(w, number, entry(BOB, "l")))
    database.close()
    assert len(heard) == 1


def test_an_account_of_version_1_gets_its_lists(tmp_path):
    account = MailAccount(tmp_path)
    account.write(lambda w: append.append(w, mailboxes.by_name(w, "INBOX").id, append.prepare(b"Subject: x\r\n\r\nx")))

    def back(w):
        w.raw("DROP TABLE acl")
        w.raw("UPDATE schema_version SET version = 1 WHERE owner = 'store'")

    account.write(back)
    account.close()
    database = Database(tmp_path / "mail.db", schema.account_schema(BORN), functions=predicate.FUNCTIONS)
    number = database.read(lambda r: mailboxes.by_name(r, "INBOX")).id
    database.write(lambda w: acl.put(w, number, entry(BOB, "lr")))
    assert database.read(lambda r: acl.rights(r, number, BOB)) == frozenset("lr")
    assert database.read(lambda r: mailboxes.status(r, number)).messages == 1
    database.close()
