import asyncio
import json
import re
import threading
from contextlib import contextmanager

import pytest

from fetcher import account as table
from tests.fakes.imap_server import ImapServer
from tests.fakes.pop3_server import Maildrop, Pop3Server
from tests.fakes.web_town import web_town
from webmail import source_check, source_search


@contextmanager
def running(make):
    """A server on a loop of its own, since the application blocks the test's thread."""
    drop = Maildrop()
    drop.add(b"Subject: Greetings\r\nMessage-ID: <1@other.example>\r\n\r\nHello\r\n")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(make(drop).__aenter__(), loop).result(10)
    yield server
    asyncio.run_coroutine_threadsafe(server.__aexit__(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def provider():
    with running(Pop3Server) as server:
        yield server


def form(provider, **values):
    return {
        "address": "iris@other.example",
        "username": "someone",
        "host": "127.0.0.1",
        "port": str(provider.port),
        "tls": "none",
        "password": "right horse",
    } | values


def test_the_address_alone_finds_the_provider(iris):
    text = iris.get("/mail/accounts/add/provider?address=10020003@qq.com").text
    assert "QQ" in text
    assert 'value="pop.qq.com"' in text
    assert "authorisation code" in text
    assert "<html" not in text


def test_an_unknown_provider_is_filled_in_by_hand(iris):
    text = iris.get("/mail/accounts/add/provider?address=iris@other.example").text
    assert '<details class="p-server" open>' in text


@pytest.mark.parametrize("address", ["", "nothing", "@", "a@"])
def test_half_an_address_is_no_error(iris, address):
    assert iris.get("/mail/accounts/add/provider", query_string={"address": address}).status_code == 200


def test_the_check_passes_and_the_account_is_made(iris, provider, directory):
    iris.get("/mail/accounts/add/")
    checked = iris.post("/mail/accounts/add/", **form(provider))
    assert "All 6 steps passed" in checked.text
    assert "Greetings" in checked.text
    assert "right horse" not in checked.text
    iris.get("/mail/accounts/add/choices")
    made = iris.post(
        "/mail/accounts/add/choices", name="Other", folder="own", mailbox="Elsewhere", colour="rose", leave="no"
    )
    source = directory.read_now(lambda r: table.list_for(r, 1))[0]
    assert made.headers["Location"] == f"/mail/accounts/{source.id}"
    assert (source.name, source.mailbox, source.colour, source.leave) == ("Other", "Elsewhere", "rose", False)
    assert (source.recipient, source.host, source.username) == ("iris@lin.example", "127.0.0.1", "someone")


def test_an_imap_account_is_checked_and_made(iris, directory):
    with running(ImapServer) as provider:
        iris.get("/mail/accounts/add/")
        checked = iris.post("/mail/accounts/add/", **form(provider, protocol="imap"))
        assert "All 6 steps passed" in checked.text and "Greetings" in checked.text
        assert '<option value="imap" selected>' in checked.text
        iris.get("/mail/accounts/add/choices")
        iris.post("/mail/accounts/add/choices", name="Other", folder="inbox", colour="rose")
    source = directory.read_now(lambda r: table.list_for(r, 1))[0]
    assert (source.protocol, source.port, source.leave) == ("imap", provider.port, True)
    assert "IMAP" in iris.get(f"/mail/accounts/{source.id}").text
    assert "IMAP" in iris.get(f"/mail/accounts/{source.id}/edit").text


@pytest.mark.parametrize(
    ("protocol", "tls", "typed", "meant"),
    [
        ("imap", "implicit", "995", "993"),
        ("imap", "starttls", "110", "143"),
        ("pop3", "implicit", "993", "995"),
        ("imap", "implicit", "9993", "9993"),
        ("nonsense", "implicit", "995", "995"),
    ],
)
def test_another_protocol_means_its_port(iris, protocol, tls, typed, meant):
    iris.get("/mail/accounts/add/")
    values = {"host": "mail.other.example", "port": typed, "tls": tls, "protocol": protocol, "password": ""}
    text = iris.post("/mail/accounts/add/", address="iris@other.example", **values).text
    assert f'id="port" name="port" type="text" value="{meant}"' in text


def test_a_provider_without_pop3_is_found_by_its_imap_server(iris):
    text = iris.get("/mail/accounts/add/provider?address=iris@icloud.com").text
    assert 'value="imap.mail.me.com"' in text and 'value="993"' in text and '<option value="imap" selected>' in text
    assert "app password" in text and "triangle-alert" not in text


def test_a_script_sees_each_step_as_it_comes(iris, provider):
    iris.get("/mail/accounts/add/")
    response = iris.post("/mail/accounts/add/", headers={"Accept": "application/x-ndjson"}, **form(provider))
    lines = [json.loads(line)["html"] for line in response.text.splitlines()]
    assert len(lines) == 7
    assert [line.count('class="p-st ok fill"') for line in lines] == list(range(7))
    assert "Continue" in lines[-1]
    assert not any("Continue" in line for line in lines[:-1])


def test_it_stops_where_it_fails_and_says_what_to_do(iris, provider):
    iris.get("/mail/accounts/add/")
    text = iris.post("/mail/accounts/add/", **form(provider, password="wrong")).text
    assert "Stopped at step 4 of 6" in text
    assert 'role="alert"' in text
    assert "Check the user name and type the password again" in text
    assert text.count('class="todo"') == 2
    assert "/choices" not in text


def test_the_password_waits_sealed(iris, provider, settings):
    iris.get("/mail/accounts/add/")
    iris.post("/mail/accounts/add/", **form(provider, password="a very secret word"))
    assert "a very secret word" not in iris.cookie("posthouse_form").value
    for path in settings.data.iterdir():
        if path.is_file():
            assert b"a very secret word" not in path.read_bytes()


def test_choices_need_the_first_step(iris):
    assert iris.get("/mail/accounts/add/choices").headers["Location"] == "/mail/accounts/add/"
    iris.get("/mail/accounts/add/")
    assert iris.post("/mail/accounts/add/choices", name="x").headers["Location"] == "/mail/accounts/add/"


def test_the_same_account_twice_is_refused(iris, provider):
    for _ in range(2):
        iris.get("/mail/accounts/add/")
        iris.post("/mail/accounts/add/", **form(provider))
        iris.get("/mail/accounts/add/choices")
        last = iris.post("/mail/accounts/add/choices", name="Other", folder="inbox", colour="rose")
    assert last.status_code == 400
    assert "You collect this account already." in last.text


def test_a_known_provider_needs_no_server_without_scripts(iris):
    """The first press completes what the preset knows; the secret is all that is missing."""
    iris.get("/mail/accounts/add/")
    text = iris.post("/mail/accounts/add/", address="iris@163.com", password="").text
    assert 'value="pop.163.com"' in text


def test_far_away_servers_of_the_own_network_are_out_of_reach(make_app, tmp_path, new_visitor, provider):
    """security.md T051: the answer is the same whether something listens or not."""
    from server.accounts import account as accounts
    from server.config import Settings

    settings = Settings(data=tmp_path / "far", bind="0.0.0.0")
    settings.data.mkdir()
    app = make_app(settings)

    def furnish(w):
        accounts.add_domain(w, "lin.example")
        accounts.add_account(w, "iris@lin.example", "correct horse battery")

    app.extensions["posthouse"].directory.write_now(furnish)
    visitor = new_visitor(app)
    visitor.sign_in()
    visitor.get("/mail/accounts/add/")
    answers = []
    for port in (provider.port, 9):
        text = visitor.post("/mail/accounts/add/", **form(provider, port=str(port))).text
        answers.append(text.split('<ol class="p-run">')[1].split("</ol>")[0].replace(" 1 ms", " 0 ms"))
    assert "This server is not on the Internet" in answers[0]
    assert answers[0] == answers[1]


SETTINGS = (
    (
        b'<clientConfig version="1.1"><emailProvider id="mill.fi"><displayName>The <b>Mill</b> &amp; Sons</displayName>'
        b'<incomingServer type="imap"><hostname>imap.mill.fi</hostname><port>993</port><socketType>SSL</socketType>'
        b"<username>%EMAILLOCALPART%</username></incomingServer>"
        b'<incomingServer type="pop3"><hostname>pop.mill.fi</hostname><port>110</port><socketType>STARTTLS</socketType>'
        b"<username>%EMAILADDRESS%</username></incomingServer></emailProvider></clientConfig>"
    )
    .replace(b"<b>", b"&lt;b&gt;")
    .replace(b"</b>", b"&lt;/b&gt;")
)
AUTOCONFIG = "://autoconfig.mill.fi/mail/config-v1.1.xml"


@pytest.fixture
def town(app, tmp_path):
    """The Internet of the search: mill.fi has a web server, and nobody else is there."""
    with web_town(tmp_path, "mill.fi") as town:
        app.extensions[source_search.EXTENSION] = town.search
        yield town


def test_the_settings_of_an_unknown_domain_are_asked_for_by_the_page(iris, town):
    text = iris.get("/mail/accounts/add/provider?address=iris@mill.fi").text
    assert 'hx-get="/mail/accounts/add/settings?address=iris@mill.fi"' in text
    assert "Looking for its settings" in text and town.house.asked == []


def test_what_is_found_is_shown_with_where_it_comes_from(iris, town):
    town.house.put("https" + AUTOCONFIG, SETTINGS)
    text = iris.get("/mail/accounts/add/settings?address=iris@mill.fi").text
    assert "Found by your provider's own settings" in text and "IMAP · imap.mill.fi" in text
    assert "The &lt;b&gt;Mill&lt;/b&gt; &amp; Sons" in text and "<b>Mill</b>" not in text
    offers = json.loads(re.search(r"data-found='([^']*)'", text).group(1))
    assert [(o["protocol"], o["host"], o["port"], o["tls"], o["username"]) for o in offers] == [
        ("imap", "imap.mill.fi", 993, "implicit", "iris"),
        ("pop3", "pop.mill.fi", 110, "starttls", "iris@mill.fi"),
    ]
    # Found once, it stands in the fields at once.
    again = iris.get("/mail/accounts/add/provider?address=bob@mill.fi").text
    assert 'value="imap.mill.fi"' in again and 'value="bob"' in again and "hx-get" not in again


def test_settings_by_plain_http_are_used_with_a_warning(iris, town):
    town.house.put("http" + AUTOCONFIG, SETTINGS.replace(b"imap.mill.fi", b"imap.elsewhere.net"))
    text = iris.get("/mail/accounts/add/settings?address=iris@mill.fi").text
    assert "over a connection without encryption" in text
    assert "Compare the server" in text and "data-compare" in text


def test_nothing_found_is_said(iris, town):
    text = iris.get("/mail/accounts/add/settings?address=iris@mill.fi").text
    assert "Nothing found: fill in its server" in text


def test_without_scripts_nothing_is_sent_to_a_server_that_was_not_on_the_page(iris, town, monkeypatch):
    checked = []
    monkeypatch.setattr(source_check, "run", lambda *a, **k: checked.append(a[1]) or iter([]))
    town.house.put("https" + AUTOCONFIG, SETTINGS)
    iris.get("/mail/accounts/add/")
    typed = {"address": "iris@mill.fi", "password": "right horse"}
    text = iris.post("/mail/accounts/add/", **typed).text
    assert 'value="imap.mill.fi"' in text and "right horse" not in text
    shown = {"host": "imap.mill.fi", "port": "993", "tls": "implicit", "protocol": "pop3", "username": "iris"}
    text = iris.post("/mail/accounts/add/", **typed, **shown).text
    # The other protocol has another server; that one has to be seen, too.
    assert 'value="pop.mill.fi"' in text and 'value="110"' in text
    assert checked == []


def test_what_is_typed_by_hand_stays(iris, town):
    town.house.put("https" + AUTOCONFIG, SETTINGS)
    iris.get("/mail/accounts/add/settings?address=iris@mill.fi")
    iris.get("/mail/accounts/add/")
    own = {"host": "mail.mill.fi", "port": "995", "tls": "implicit", "protocol": "pop3", "username": "i"}
    text = iris.post("/mail/accounts/add/", address="iris@mill.fi", password="", **own).text
    assert 'value="mail.mill.fi"' in text and 'value="i"' in text and '<details class="p-server" open>' in text


def test_the_other_protocol_of_a_known_provider_is_its_other_server(iris):
    iris.get("/mail/accounts/add/")
    own = {"host": "pop.gmail.com", "port": "995", "tls": "implicit", "protocol": "imap", "username": "iris@gmail.com"}
    text = iris.post("/mail/accounts/add/", address="iris@gmail.com", password="", **own).text
    assert 'value="imap.gmail.com"' in text and 'value="993"' in text


@pytest.mark.parametrize("path", ["provider", "settings"])
def test_the_search_is_for_those_who_are_signed_in(visitor, path):
    assert visitor.get(f"/mail/accounts/add/{path}?address=iris@mill.fi").status_code in (302, 401)
