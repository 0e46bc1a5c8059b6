import pytest

from server.accounts import account as accounts
from server.accounts.directory import Directory, open_database


@pytest.fixture
def directory(tmp_path):
    database = open_database(tmp_path / "directory.db")
    yield Directory(database)
    database.close()


@pytest.fixture
def iris(directory):
    def make(w):
        accounts.add_domain(w, "lin.example")
        return accounts.add_account(w, "iris@lin.example", "correct horse", admin=True)

    return directory.write_now(make)
