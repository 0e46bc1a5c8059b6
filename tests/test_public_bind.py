"""Listening beyond this machine: nobody signs in in clear, and the webmail still reads and sends."""

import http.cookiejar
import imaplib
import json
import re
import smtplib
import time
import urllib.parse
import urllib.request

import pytest

from tests.installation import Installation

PASSWORD = "long enough"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    installation = Installation(tmp_path_factory.mktemp("public") / "data")
    installation.add_account("iris@lin.example", PASSWORD, "--admin")
    installation.start("--bind", "0.0.0.0")
    yield installation
    installation.stop()


@pytest.fixture(scope="module")
def browser(house):
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    page = opener.open(f"{house.url}/mail/sign-in").read().decode()
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    fields = {"csrf_token": token, "name": "iris@lin.example", "password": PASSWORD}
    inbox = opener.open(f"{house.url}/mail/sign-in", urllib.parse.urlencode(fields).encode())
    assert inbox.url.endswith("/mail/box/INBOX"), inbox.url
    opener.addheaders.append(
        ("X-CSRFToken", re.search(r'name="csrf-token" content="([^"]+)"', inbox.read().decode())[1])
    )
    return opener


def test_no_password_is_taken_in_clear(house):
    with imaplib.IMAP4("127.0.0.1", house.ports.imap) as client:
        assert "LOGINDISABLED" in client.capabilities
    with smtplib.SMTP("127.0.0.1", house.ports.submission) as client:
        client.ehlo()
        assert not client.has_extn("auth")
        assert client.has_extn("starttls")


def test_the_webmail_lists_and_sends_over_tls_to_the_same_machine(house, browser):
    letter = {
        "writing_id": "a-writing-of-its-own",
        "sender": "iris@lin.example",
        "to": ["iris@lin.example"],
        "subject": "round trip",
        "body": "<div>hello</div>",
    }
    request = urllib.request.Request(
        f"{house.url}/mail/compose/send", json.dumps(letter).encode(), {"Content-Type": "application/json"}
    )
    assert "sent" in json.loads(browser.open(request).read())["said"].lower()
    deadline = time.monotonic() + 15
    while b"round trip" not in browser.open(f"{house.url}/mail/box/INBOX").read():
        assert time.monotonic() < deadline, "it did not arrive"
        time.sleep(0.1)


def test_the_health_page_answers(house):
    assert urllib.request.urlopen(f"{house.url}/healthz").status == 200
