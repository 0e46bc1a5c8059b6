"""curl against our POP3 server: every way to sign in, with and without TLS."""

import pytest

from tests.fakes.pop3_house import ADDRESS, PASSWORD, TOKEN, message, open_house
from tests.interop.foreign import outcome, own_folder, run

pytestmark = pytest.mark.interop

LOGIN = ("-u", f"{ADDRESS}:{PASSWORD}")


def options(house, scheme: str) -> list[str]:
    port = (house.secure if scheme == "pop3s" else house.listener).port
    return ["curl", "-sS", "-k", "--max-time", "20", f"{scheme}://127.0.0.1:{port}/"]


@pytest.mark.parametrize(
    "more",
    [
        [*LOGIN],
        [*LOGIN, "--login-options", "AUTH=PLAIN"],
        [*LOGIN, "--login-options", "AUTH=PLAIN", "--sasl-ir"],
        [*LOGIN, "--login-options", "AUTH=LOGIN"],
        ["-u", ADDRESS, "--oauth2-bearer", TOKEN, "--login-options", "AUTH=XOAUTH2"],
        ["-u", ADDRESS, "--oauth2-bearer", TOKEN, "--login-options", "AUTH=OAUTHBEARER", "--sasl-ir"],
        [*LOGIN, "--ssl-reqd"],
    ],
    ids=["default", "plain", "plain-ir", "login", "xoauth2", "oauthbearer", "stls"],
)
async def test_sign_in_and_list(tmp_path, more):
    async with open_house(tmp_path) as house:
        await house.fill(message(1), message(2))
        with own_folder() as folder:
            listing = await run(folder, *options(house, "pop3"), *more)
        assert listing.split() == ["1", str(len(message(1))), "2", str(len(message(2)))]


async def test_retrieve_list_and_delete(tmp_path):
    async with open_house(tmp_path) as house:
        await house.fill(message(1), message(2))
        uids = await house.uids()
        with own_folder() as folder:
            *curl, url = options(house, "pop3s")
            await run(folder, *curl, *LOGIN, "-o", str(folder / "one.eml"), url + "1")
            assert (folder / "one.eml").read_bytes() == message(1)
            listing = await run(folder, *curl, *LOGIN, "-X", "UIDL", url)
            assert [line.split()[1].split(".")[1] for line in listing.splitlines()] == [str(uid) for uid in uids]
            await run(folder, *curl, *LOGIN, "-I", "-X", "DELE 2", url)
        assert await house.uids() == uids[:1]


async def test_wrong_password(tmp_path):
    async with open_house(tmp_path) as house:
        with own_folder() as folder:
            code, _ = await outcome(folder, *options(house, "pop3"), "-u", f"{ADDRESS}:wrong")
        assert code == 67, "CURLE_LOGIN_DENIED"
