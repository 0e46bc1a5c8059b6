import pytest

from server.accounts import account as accounts
from server.accounts.directory import Local, NotLocal, UnknownUser, set_hostname


def owners(found):
    return [recipient.account for recipient in found.recipients] if isinstance(found, Local) else found


@pytest.fixture
def mother(directory, iris):
    return directory.write_now(lambda w: accounts.add_account(w, "mama@lin.example", "long enough"))


async def test_who_gets_what(directory, iris, mother):
    directory.write_now(lambda w: accounts.add_alias(w, "both@lin.example", iris.id))
    directory.write_now(lambda w: accounts.add_alias(w, "both@lin.example", mother.id))
    assert owners(await directory.resolve("iris@lin.example")) == [iris.id]
    assert owners(await directory.resolve("Iris+shop@Lin.Example")) == [iris.id]
    assert (await directory.resolve("iris+shop@lin.example")).recipients[0].detail == "shop"
    assert owners(await directory.resolve("both@lin.example")) == [iris.id, mother.id]
    assert await directory.resolve("nobody@lin.example") == UnknownUser()
    assert await directory.resolve("iris@elsewhere.example") == NotLocal()
    assert await directory.resolve("not an address") == NotLocal()


async def test_the_catch_all_gets_what_nobody_else_gets_but_may_not_write_as_them(directory, iris, mother):
    directory.write_now(lambda w: accounts.add_alias(w, "@lin.example", mother.id))
    assert owners(await directory.resolve("anything@lin.example")) == [mother.id]
    assert owners(await directory.resolve("iris@lin.example")) == [iris.id]
    assert not await directory.may_send_as(mother.id, "anything@lin.example")


async def test_postmaster_is_never_unknown(directory, iris):
    assert owners(await directory.resolve("postmaster@lin.example")) == [iris.id]


async def test_sending_as(directory, iris, mother):
    directory.write_now(lambda w: accounts.add_alias(w, "hello@lin.example", iris.id))
    assert await directory.may_send_as(iris.id, "iris@lin.example")
    assert await directory.may_send_as(iris.id, "iris+shop@lin.example")
    assert await directory.may_send_as(iris.id, "hello@lin.example")
    assert not await directory.may_send_as(mother.id, "iris@lin.example")
    assert not await directory.may_send_as(iris.id, "iris@elsewhere.example")


def test_host_name(directory):
    assert directory.hostname() == "localhost"
    directory.write_now(lambda w: set_hostname(w, "Mail.Lin.Example"))
    directory.write_now(lambda w: set_hostname(w, "post.lin.example"))
    assert directory.hostname() == "post.lin.example"
