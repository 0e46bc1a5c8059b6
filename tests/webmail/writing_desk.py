"""A desk at which somebody writes: our own IMAP server keeps the drafts, a submission server of the test takes the letters."""

import asyncio
import email
import email.policy
import html
import re
import threading
from contextlib import contextmanager

from server.store import expunge, flags, mailboxes, messages
from tests.fakes.remote_mx import RemoteMx
from tests.webmail.views.mail_room import signed_in

ANN = "ann@example.org"
WRITING = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
BODY = {"writing_id": WRITING, "sender": ANN, "to": ["ben@far.test"], "subject": "Hello", "body": "<div>Hi</div>"}


@contextmanager
def office_on_a_thread():
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    office = RemoteMx(extensions=("8BITMIME", "AUTH PLAIN"))
    asyncio.run_coroutine_threadsafe(office.__aenter__(), loop).result(10)
    try:
        yield office
    finally:
        asyncio.run_coroutine_threadsafe(office.__aexit__(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class Desk:
    """Ann at her desk, with what lies in her mailboxes."""

    def __init__(self, house, office, app):
        self.house, self.office, self.app = house, office, app
        self.ann = signed_in(app)

    def open(self, query=""):
        page = self.ann.piece(f"/mail/compose{query}")
        assert page.status_code == 200, page.text
        return page.text

    def ask(self, action, **change):
        return self.ann.send(f"/mail/compose/{action}", BODY | change)

    def upload(self, name, data, kind="text/plain"):
        return self.ann.client.post(
            "/mail/compose/upload",
            query_string={"name": name, "type": kind},
            data=data,
            headers={"Content-Type": "application/octet-stream", "X-CSRFToken": self.ann.csrf},
        )

    def stored(self, mailbox, account=None):
        def read(r):
            box = mailboxes.by_name(r, mailbox)
            return [
                (box.uidvalidity, m.uid, m.flags, messages.raw(r, m))
                for m in messages.rows(r, box.id, messages.uids(r, box.id))
            ]

        return self.house.store.read_now(account or self.house.ann, read)

    def put(self, raw, mailbox="INBOX"):
        """Deliver a message; what names it in the address of an answer."""
        uid = self.house.append(raw, mailbox)
        return next(f"{validity}/{at}/{mailbox}" for validity, at, _, _ in self.stored(mailbox) if at == uid)

    def flags(self, at):
        uid = int(at.split("/")[1])
        return next(flags for _, number, flags, _ in self.stored("INBOX") if number == uid)


def empty(w, name):
    box = mailboxes.by_name(w, name)
    uids = list(messages.uids(w, box.id))
    flags.store_flags(w, box.id, uids, "add", ["\\Deleted"])
    expunge.expunge(w, box.id, uids)


def field(page, name):
    """What stands in a recipient field."""
    return html.unescape(re.search(rf'id="{name}-\d+".*? value="([^"]*)"', page).group(1))


def data(page, name):
    return html.unescape(re.search(rf'data-{name}="([^"]*)"', page).group(1))


def body_of(page):
    return html.unescape(re.search(r"<template data-body>(.*?)</template>", page, re.DOTALL).group(1))


def parsed(raw):
    return email.message_from_bytes(raw, policy=email.policy.default)
