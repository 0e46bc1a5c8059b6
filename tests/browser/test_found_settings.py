"""The address is typed, and the servers are there: found in a domain's own settings, over a real web server on loopback."""

import asyncio
import threading

import pytest
from playwright.sync_api import expect

from tests.fakes.web_town import web_town
from webmail import source_search

SETTINGS = """<clientConfig version="1.1"><emailProvider id="mill.fi"><displayName>The Mill</displayName>
<incomingServer type="imap"><hostname>imap.{domain}</hostname><port>993</port><socketType>SSL</socketType>
<username>%EMAILLOCALPART%</username></incomingServer>
<incomingServer type="pop3"><hostname>pop.{domain}</hostname><port>110</port><socketType>STARTTLS</socketType>
<username>%EMAILADDRESS%</username></incomingServer></emailProvider></clientConfig>"""
PATH = "://autoconfig.mill.fi/mail/config-v1.1.xml"


@pytest.fixture
def town(application, tmp_path):
    with web_town(tmp_path, "mill.fi") as town:
        application.extensions[source_search.EXTENSION] = town.search
        yield town


@pytest.fixture
def page(open_page, sign_in, house, town):
    page = open_page()
    sign_in(page, house)
    page.goto(f"{house}/mail/accounts/add/")
    return page


def values(page, *names):
    return [page.locator(f"#{name}") for name in names]


def test_the_settings_are_found_while_one_looks_and_can_be_changed(page, town):
    town.house.put("https" + PATH, SETTINGS.format(domain="mill.fi").encode())
    page.get_by_label("E-mail address").press_sequentially("someone@mill.fi")
    page.get_by_label("Password or code").fill("right horse")
    card = page.locator("#found")
    expect(card).to_contain_text("The Mill")
    expect(card).to_contain_text("Found by your provider's own settings")
    host, port, tls, username = values(page, "host", "port", "tls", "username")
    expect(host).to_have_value("imap.mill.fi")
    expect(host).not_to_be_visible()
    page.get_by_text("Server settings").click()
    expect(port).to_have_value("993")
    expect(username).to_have_value("someone")
    page.get_by_label("Protocol").select_option("pop3")
    expect(host).to_have_value("pop.mill.fi")
    expect(port).to_have_value("110")
    expect(tls).to_have_value("starttls")
    expect(username).to_have_value("someone@mill.fi")
    page.get_by_label("Protocol").select_option("imap")
    expect(host).to_have_value("imap.mill.fi")
    host.fill("mail.mill.fi")
    page.get_by_label("Protocol").select_option("pop3")
    expect(host).to_have_value("mail.mill.fi")
    expect(page.get_by_label("Password or code")).to_have_value("right horse")


def test_who_is_faster_than_the_search_keeps_what_was_typed(page, town):
    go = threading.Event()

    async def answer(reader, writer):
        await asyncio.to_thread(go.wait, 60)
        body = SETTINGS.format(domain="elsewhere.net").encode()
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + body)
        await writer.drain()

    # Only plain HTTP answers, and for another domain's servers: the page has to say so.
    town.house.pages["http", "autoconfig.mill.fi", "/mail/config-v1.1.xml"] = answer
    page.get_by_label("E-mail address").press_sequentially("someone@mill.fi")
    expect(page.locator("#found")).to_contain_text("Looking for its settings")
    page.get_by_label("Server name").fill("my.mill.fi")
    go.set()
    expect(page.locator("#found")).to_contain_text("over a connection without encryption")
    expect(page.locator("#found")).to_contain_text("Compare the server's name")
    expect(page.get_by_label("Server name")).to_have_value("my.mill.fi")
    page.get_by_role("button", name="Use these settings").click()
    expect(page.get_by_label("Server name")).to_have_value("imap.elsewhere.net")
    expect(page.get_by_role("button", name="Use these settings")).not_to_be_visible()


def test_nothing_found_is_said_and_the_fields_wait(page):
    page.get_by_label("E-mail address").press_sequentially("someone@mill.fi")
    expect(page.locator("#found")).to_contain_text("Nothing found: fill in its server")
    expect(page.get_by_label("Server name")).to_be_visible()
