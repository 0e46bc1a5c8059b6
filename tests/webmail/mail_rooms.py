"""What the tests of reading share: our own IMAP server on a thread, messages to read, and a web application in front of it."""

import base64
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email.message import EmailMessage

from tests.fakes.imap_house import PASSWORD, House, in_a_thread
from webmail.connection import connect
from webmail.factory import create_app

ANN = "ann@example.org"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@dataclass(slots=True)
class Rooms:
    """A house and what stands in front of it."""

    house: House
    settings: object

    def mail(self, name="ann"):
        return connect(self.settings, f"{name}@example.org", PASSWORD)

    def app(self):
        return create_app(self.settings)


@contextmanager
def rooms(folder):
    with in_a_thread(folder) as house:
        yield Rooms(house, replace(house.settings, imap_server=f"127.0.0.1:{house.port}"))


def letter(
    subject="Hello",
    text="Some words.\n",
    *,
    html=None,
    sender="Bob <bob@example.org>",
    to=ANN,
    mid=None,
    reply_to=None,
    files=(),
    inline=(),
    **fields,
):
    """A message as a mail program writes it."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, to, subject
    made["Date"] = "Tue, 24 Nov 2026 09:42:00 +0000"
    made["Message-ID"] = mid or f"<{abs(hash((subject, text)))}@example.org>"
    if reply_to:
        made["In-Reply-To"] = made["References"] = reply_to
    for name, value in fields.items():
        made[name.replace("_", "-").title()] = value
    made.set_content(text)
    if html is not None:
        made.add_alternative(html, subtype="html")
        for cid, data in inline:
            made.get_payload()[1].add_related(data, maintype="image", subtype="png", cid=f"<{cid}>")
    for filename, kind, data in files:
        maintype, subtype = kind.split("/")
        made.add_attachment(data, maintype=maintype, subtype=subtype, filename=filename)
    return made.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
