"""Messages that belong together. Pure.

The server's THREADID decides where there is one (RFC 8474 §5). A server without it gives ENVELOPE only, so the same page is
joined by In-Reply-To and, for replies, by the base subject (RFC 5256 §2.1, reduced to the prefixes people meet).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from webmail.envelope import Fetched

MAX_PREFIXES = 12
_PREFIX = re.compile(
    r"\s*+(?:re|aw|sv|antw|fwd?|wg|vs|回复|答复|转发|回覆|轉寄)\s*+(?:\[\d++\])?+\s*+[:：]", re.IGNORECASE
)  # possessive: no blank is tried twice (security.md T076)
_EPOCH = datetime.fromtimestamp(0, UTC)


def base_subject(subject: str) -> tuple[str, bool]:
    """The subject without its reply prefixes, and whether there was one."""
    rest = subject
    for _ in range(MAX_PREFIXES):
        match = _PREFIX.match(rest)
        if match is None:
            break
        rest = rest[match.end() :]
    return " ".join(rest.split()).casefold(), rest != subject


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages of one mailbox, newest first; never empty."""

    messages: tuple[Fetched, ...]

    @property
    def newest(self) -> Fetched:
        return self.messages[0]

    @property
    def uids(self) -> tuple[int, ...]:
        return tuple(message.uid for message in self.messages)


def age_key(message: Fetched) -> tuple[datetime, int]:
    """Order of arrival; the UID settles what arrived in the same second."""
    return (message.arrived or _EPOCH, message.uid)


def keys(messages: Sequence[Fetched]) -> dict[int, str]:
    """The conversation of each message, by UID."""
    found: dict[int, str] = {}
    by_message_id: dict[str, str] = {}
    by_subject: dict[str, str] = {}
    for message in sorted(messages, key=age_key):
        if message.thread_id:
            found[message.uid] = f"t{message.thread_id}"
            continue
        subject, is_reply = base_subject(message.envelope.subject)
        parent = message.envelope.in_reply_to.split()
        key = next((by_message_id[word] for word in reversed(parent) if word in by_message_id), "")
        if not key and (is_reply or parent) and subject:
            key = by_subject.get(subject, "")
        key = key or f"u{message.uid}"
        found[message.uid] = key
        if message.envelope.message_id:
            by_message_id[message.envelope.message_id.strip()] = key
        if subject:
            by_subject.setdefault(subject, key)
    return found


def group(order: Iterable[int], messages: dict[int, Fetched], more: Iterable[Fetched] = ()) -> list[Conversation]:
    """Conversations in the order given by their first member.

    Args:
        order: UIDs of the page, as sorted.
        messages: The messages of the page.
        more: Further members outside of the page. A conversation whose newest member is outside was shown on an earlier
            page already and is left out.
    """
    others = {message.uid: message for message in more if message.uid not in messages}
    everything = messages | others
    named = keys(list(everything.values()))
    members: dict[str, list[Fetched]] = {}
    for uid, key in named.items():
        members.setdefault(key, []).append(everything[uid])
    result: list[Conversation] = []
    seen: set[str] = set()
    for uid in order:
        key = named.get(uid, "")
        if not key or key in seen:
            continue
        seen.add(key)
        ordered = sorted(members[key], key=age_key, reverse=True)
        if ordered[0].uid in messages:
            result.append(Conversation(tuple(ordered)))
    return result
