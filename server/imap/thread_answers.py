"""The last answers of THREAD about whole mailboxes (RFC 5256), as they went out.

Programs that show threads ask for all of them at every page. An answer holds as long as the mailbox has the same messages, whatever
their flags: uids only grow, so with the same UIDNEXT messages can only have gone, and then their number tells.

Shared by all connections and used on the threads of the store. Bounded in octets; the answer that nobody asked for the longest goes first.
"""

import threading
from collections import OrderedDict
from typing import NamedTuple

from server.store.model import Status

OCTETS = 4 * 2**20
"""What is kept of all accounts together."""


class Question(NamedTuple):
    owner: int
    mailbox_id: int
    algorithm: str
    uid: bool


class ThreadAnswers:
    """What was answered to each question, and what the mailbox was like then."""

    def __init__(self, octets: int = OCTETS) -> None:
        self._limit = octets
        self._kept: OrderedDict[Question, tuple[tuple[int, int], bytes]] = OrderedDict()
        self._octets = 0
        self._lock = threading.Lock()

    def get(self, question: Question, status: Status) -> bytes | None:
        """Return the answer, if the mailbox holds the same messages still."""
        with self._lock:
            mark, answer = self._kept.get(question, (None, b""))
            if mark != (status.uidnext, status.messages):
                return None
            self._kept.move_to_end(question)
            return answer

    def put(self, question: Question, status: Status, answer: bytes) -> None:
        """Keep an answer in place of the one before."""
        with self._lock:
            _, before = self._kept.pop(question, (None, b""))
            self._octets -= len(before)
            if len(answer) > self._limit:
                return
            self._kept[question] = ((status.uidnext, status.messages), answer)
            self._octets += len(answer)
            while self._octets > self._limit:
                _, (_, oldest) = self._kept.popitem(last=False)
                self._octets -= len(oldest)
