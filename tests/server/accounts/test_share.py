import pytest

from server.accounts import account as accounts
from server.accounts import share
from server.accounts.share import ANYONE, Owner


@pytest.fixture
def people(directory):
    def make(w):
        accounts.add_domain(w, "lin.example")
        return [accounts.add_account(w, f"{name}@lin.example", "correct horse").id for name in ("iris", "jo", "kim")]

    return directory.write_now(make)


def owners(directory, grantee):
    return [one.address for one in directory.read_now(lambda r: share.owners(r, grantee))]


def test_owners_are_found_by_those_they_share_with(directory, people):
    iris, jo, kim = people
    directory.write_now(lambda w: (share.add(w, kim, jo), share.add(w, iris, jo), share.add(w, iris, jo)))
    assert owners(directory, jo) == ["iris@lin.example", "kim@lin.example"]
    assert owners(directory, iris) == owners(directory, kim) == []
    assert directory.read_now(lambda r: share.owner(r, "kim@lin.example", jo)) == Owner(kim, "kim@lin.example")
    for address in ("Kim@lin.example", "kim@lin.example ", "jo@lin.example", "nobody@lin.example", ""):
        assert directory.read_now(lambda r, address=address: share.owner(r, address, jo)) is None


def test_everybody_is_everybody_but_the_owner(directory, people):
    iris, jo, kim = people
    directory.write_now(lambda w: (share.add(w, iris, ANYONE), share.add(w, iris, jo)))
    assert owners(directory, jo) == owners(directory, kim) == ["iris@lin.example"]
    assert owners(directory, iris) == []


def test_what_is_taken_back_or_off_is_not_found(directory, people):
    iris, jo, _ = people
    directory.write_now(lambda w: share.add(w, iris, jo))
    directory.write_now(lambda w: accounts.set_active(w, iris, active=False))
    assert owners(directory, jo) == []
    directory.write_now(lambda w: accounts.set_active(w, iris, active=True))
    assert owners(directory, jo) == ["iris@lin.example"]
    directory.write_now(lambda w: share.remove(w, iris, jo))
    assert owners(directory, jo) == []
    assert directory.read_now(lambda r: share.grantees(r, iris)) == set()
