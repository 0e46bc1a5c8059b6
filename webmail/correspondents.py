"""Whom a person writes to and hears from: suggestions for the recipient fields, from the newest envelopes of Sent and the inbox."""

from collections.abc import Sequence

from webmail import mailbox_list
from webmail.connection import Mail, MailRefused, lease
from webmail.envelope import Fetched, Person
from webmail.session import WebSession

NEWEST = 300
WRITTEN_WEIGHT = 5
"""A person written to counts as much as five messages heard from."""
_MACHINES = ("no-reply", "noreply", "do-not-reply", "donotreply", "mailer-daemon", "postmaster", "bounce")


def gather(session: WebSession) -> list[Person]:
    """People of the newest mail, the most written to first, each address once."""
    weights: dict[str, float] = {}
    names: dict[str, str] = {}
    with lease(session) as mail:
        boxes = mailbox_list.load(mail)
        for role, weight in (("sent", WRITTEN_WEIGHT), ("inbox", 1)):
            box = mailbox_list.by_role(boxes, role)
            if box is None:
                continue
            for message in _newest(mail, box.name):
                envelope = message.envelope
                people = (*envelope.to, *envelope.cc, *envelope.bcc) if role == "sent" else envelope.from_
                for person in people:
                    key = person.email.casefold()
                    weights[key] = weights.get(key, 0) + weight
                    if person.name and key not in names:
                        names[key] = person.name
    weights.pop(session.address.casefold(), None)
    ranked = sorted(weights, key=lambda key: -weights[key])
    return [Person(names.get(key, ""), key) for key in ranked if not key.startswith(_MACHINES)]


def _newest(mail: Mail, mailbox: str) -> Sequence[Fetched]:
    try:
        mail.select(mailbox)
        found = mail.sort(("REVERSE", "ARRIVAL"), ("ALL",), first=1, last=NEWEST)
        uids = found.uids if found is not None else mail.search(["ALL"])[-NEWEST:]
        return list(mail.fetch(uids, ["ENVELOPE"]).values()) if uids else []
    except MailRefused:
        return []


def matching(people: Sequence[Person], query: str, limit: int) -> list[Person]:
    """Those whose name, a word of it, or address begins with what was typed; Chinese names match anywhere."""
    wanted = query.casefold()
    if not wanted:
        return list(people[:limit])
    return [one for one in people if _matches(one, wanted)][:limit]


def _matches(person: Person, wanted: str) -> bool:
    name = person.name.casefold()
    if not wanted.isascii() and wanted in name:
        return True
    return person.email.startswith(wanted) or any(word.startswith(wanted) for word in (name, *name.split()))
