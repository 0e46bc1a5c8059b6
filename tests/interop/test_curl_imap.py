"""curl against our IMAP server: every way to sign in, listing, reading, appending."""

import pytest

from server.accounts import token as tokens
from tests.fakes.imap_house import PASSWORD, House, message
from tests.interop.foreign import outcome, own_folder, run

pytestmark = pytest.mark.interop

LOGIN = ("-u", f"ann@example.org:{PASSWORD}")


@pytest.fixture
async def house(tmp_path):
    running = await House(tmp_path).start(tls=True)
    yield running
    await running.stop()


def curl(house, path="", scheme="imap"):
    port = house.tls_port if scheme == "imaps" else house.port
    return ["curl", "-sS", "-k", "--max-time", "20", f"{scheme}://127.0.0.1:{port}/{path}"]


@pytest.mark.parametrize(
    "more",
    [
        [],
        ["--login-options", "AUTH=PLAIN"],
        ["--login-options", "AUTH=PLAIN", "--sasl-ir"],
        ["--login-options", "AUTH=LOGIN"],
        ["--ssl-reqd"],
    ],
    ids=["default", "plain", "plain-ir", "login", "starttls"],
)
async def test_sign_in_and_list(house, more):
    with own_folder() as folder:
        listing = await run(folder, *curl(house), *LOGIN, *more)
    assert '* LIST (\\HasNoChildren) "/" "INBOX"' in listing


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
@pytest.mark.parametrize("initial", [[], ["--sasl-ir"]])
async def test_sign_in_with_a_token(house, mechanism, initial):
    secret = house.directory.write_now(
        lambda w: tokens.issue(w, house.ann, kind="session", label="curl", peer="127.0.0.1", lifetime=3600)
    )
    command = ["-u", "ann@example.org", "--oauth2-bearer", secret, "--login-options", f"AUTH={mechanism}", *initial]
    with own_folder() as folder:
        assert "INBOX" in await run(folder, *curl(house, scheme="imaps"), *command)
        wrong = [word if word != secret else "pht_wrong" for word in command]
        assert (await outcome(folder, *curl(house, scheme="imaps"), *wrong))[0] == 67  # CURLE_LOGIN_DENIED


async def test_read_search_and_append(house):
    house.append(message("Hello", message_id="<1@example.org>"))
    house.append(message("Other"))
    with own_folder() as folder:
        assert (await run(folder, *curl(house, "INBOX;UID=1"), *LOGIN)).endswith("\r\n\r\nSome words.\r\n")
        assert "Subject: Other" in await run(folder, *curl(house, "INBOX;MAILINDEX=2;SECTION=HEADER"), *LOGIN)
        assert "* SEARCH 2" in await run(folder, *curl(house, "INBOX?SUBJECT%20other"), *LOGIN)
        (folder / "new.eml").write_bytes(message("By curl"))
        await run(folder, *curl(house, "Drafts"), *LOGIN, "-T", str(folder / "new.eml"))
        assert "By curl" in await run(folder, *curl(house, "Drafts;UID=1"), *LOGIN)
        assert "EXISTS" in await run(folder, *curl(house), *LOGIN, "-X", "EXAMINE INBOX")
