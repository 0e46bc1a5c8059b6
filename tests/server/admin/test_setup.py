import pytest

from server.accounts import account as accounts
from server.accounts.directory import Directory, open_database
from server.accounts.errors import AccountError, AddressInvalid
from server.admin.setup import AlreadySetUp, Plan, apply, is_fresh

PLAN = Plan("lin.example", "mail.lin.example", "iris", "Iris Lin", "long enough")


@pytest.fixture
def directory(tmp_path):
    database = open_database(tmp_path / "directory.db")
    yield Directory(database)
    database.close()


def test_it_runs_once(directory):
    assert directory.read_now(is_fresh)
    steps = []
    made = directory.write_now(lambda w: apply(w, PLAN, steps.append))
    assert (made.address, made.admin, steps) == ("iris@lin.example", True, ["domain", "hostname", "administrator"])
    assert directory.hostname() == "mail.lin.example"
    assert not directory.read_now(is_fresh)
    with pytest.raises(AlreadySetUp):
        directory.write_now(lambda w: apply(w, PLAN))


@pytest.mark.parametrize("bad", [{"domain": "x"}, {"hostname": "a b"}, {"local_part": "a@b"}, {"password": "short"}])
def test_a_failure_leaves_nothing(directory, bad):
    plan = Plan(**{name: bad.get(name, getattr(PLAN, name)) for name in PLAN.__dataclass_fields__})
    with pytest.raises(AccountError):
        directory.write_now(lambda w: apply(w, plan))
    assert directory.read_now(is_fresh)
    assert directory.read_now(accounts.domains) == []


def test_the_administrator_has_a_plain_name(directory):
    with pytest.raises(AddressInvalid):
        directory.write_now(lambda w: apply(w, Plan("lin.example", "mail.lin.example", "", "", "long enough")))
