"""Which conversation a message belongs to, decided once when it is appended and never changed (RFC 8474 §5.2).

First by Message-ID, References and In-Reply-To: the nearest relative that is known decides, also one that has not
arrived yet but was referred to. Else, for a reply only, by its subject: the newest message of the last 60 days with the
same base subject whose sender is addressed by this one, which addressed this sender, and which shares one more person. So
two strangers' "Re: Hello" never meet, though both were sent to me, and neither do my answers to them.
"""

from sqlalchemy import bindparam, insert, select, update

from server.db.database import Writer
from server.db.statement import Statement
from server.store import schema
from server.store.prepare import Prepared

WINDOW = 60 * 86_400
CANDIDATES = 20
REFERENCES = 20
"""Of a long chain the nearest relatives and the first message are looked up and remembered."""

state, ref, facet, content = schema.state, schema.thread_ref, schema.facet, schema.content

_FIND = Statement(select(ref.c.thread_id).where(ref.c.hash == bindparam("hash")))
_KEEP = Statement(insert(ref).prefix_with("OR IGNORE").values(hash=bindparam("hash"), thread_id=bindparam("thread")))
_NEW = Statement(update(state).where(state.c.id == 1).values(thread=state.c.thread + 1).returning(state.c.thread))
_SAME_SUBJECT = Statement(
    select(facet.c.participants, content.c.thread_id, facet.c.sent)
    .join_from(facet, content, content.c.id == facet.c.content_id)
    .where(facet.c.subject_hash == bindparam("subject"), facet.c.subject_hash.is_not(None))
    .order_by(facet.c.content_id.desc())
    .limit(CANDIDATES)
)


def assign(w: Writer, message: Prepared, arrived: int) -> int:
    """Return the conversation of a message and remember its ids for those that will refer to them."""
    relatives = _relatives(message)
    thread = _by_reference(w, relatives)
    if thread is None and message.is_reply and message.subject_hash is not None:
        thread = _by_subject(w, message, arrived)
    if thread is None:
        thread = int(w.run(_NEW).fetchone()[0])
    w.run_many(_KEEP, [{"hash": number, "thread": thread} for number in relatives])
    return thread


def _relatives(message: Prepared) -> list[int]:
    """Return the message's own id, then those it refers to, the nearest first."""
    references = message.reference_hashes
    near = references[: -REFERENCES - 1 : -1]
    first = references[:1] if len(references) > REFERENCES else ()
    own = () if message.message_hash is None else (message.message_hash,)
    return list(dict.fromkeys((*own, *near, *first)))


def _by_reference(w: Writer, relatives: list[int]) -> int | None:
    for number in relatives:
        row = w.run(_FIND, hash=number).fetchone()
        if row is not None:
            return int(row[0])
    return None


def _by_subject(w: Writer, message: Prepared, arrived: int) -> int | None:
    if not message.participants:
        return None
    sender, people, moment = message.participants[0], set(message.participants), message.sent or arrived
    for participants, thread, sent in w.run(_SAME_SUBJECT, subject=message.subject_hash).fetchall():
        others = participants.split(" ")
        recent = abs(moment - (sent or arrived)) <= WINDOW
        if (
            recent
            and sender in others
            and others[0] in people
            and (len(people & set(others)) > 1 or people == set(others))
        ):
            return int(thread)
    return None
