import pytest

from server.accounts import account as accounts
from server.accounts.errors import AddressInvalid, AddressTaken, DomainInvalid, DomainUnknown, PasswordWeak


def test_an_account_is_found_by_any_spelling_of_its_address(directory, iris):
    assert (
        directory.read_now(lambda r: accounts.by_address(r, accounts.canonical_address(" Iris@LIN.example "))) == iris
    )


@pytest.mark.parametrize(
    ("address", "password", "error"),
    [
        ("iris@lin.example", "long enough", AddressTaken),
        ("IRIS@lin.example", "long enough", AddressTaken),
        ("x@elsewhere.example", "long enough", DomainUnknown),
        ("x", "long enough", AddressInvalid),
        ("x\r\n@lin.example", "long enough", AddressInvalid),
        ("x@lin.example", "short", PasswordWeak),
    ],
)
def test_what_cannot_be_added_is_refused(directory, iris, address, password, error):
    with pytest.raises(error):
        directory.write_now(lambda w: accounts.add_account(w, address, password))
    assert len(directory.read_now(accounts.all_accounts)) == 1


@pytest.mark.parametrize("name", ["", "example", "a b.example", "[127.0.0.1]", "a@b.example", "x\n.example"])
def test_what_is_not_a_domain(directory, name):
    with pytest.raises(DomainInvalid):
        directory.write_now(lambda w: accounts.add_domain(w, name))


def test_a_domain_twice_is_one_domain_and_an_international_name_is_stored_as_its_a_label(directory):
    for name in ("Example.org", "example.ORG", "bücher.example"):
        directory.write_now(lambda w, name=name: accounts.add_domain(w, name))
    assert directory.read_now(accounts.domains) == ["example.org", "xn--bcher-kva.example"]


def test_no_password_is_readable(directory, iris, tmp_path):
    assert b"correct horse" not in (tmp_path / "directory.db").read_bytes()
    assert directory.read_now(lambda r: accounts.stored_password(r, iris.address))[1].startswith("$argon2id$")
