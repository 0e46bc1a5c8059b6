"""Base subject (RFC 5256 §2.1): the subject without "Re:", "Fwd:", "[list]" and "(fwd)", for sorting and threading.

subj-leader  = (*subj-blob subj-refwd) / WSP        subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
subj-blob    = "[" *BLOBCHAR "]" *WSP               subj-fwd   = "[fwd:" subject "]"       subj-trailer = "(fwd)" / WSP
"""

import re
from typing import Final

_LENGTH: Final = 4_096
_BLOB: Final = re.compile(r"\[[^\[\]]*+\]\s*+")
_LEADER: Final = re.compile(r"(?:\[[^\[\]]*+\]\s*+)*+(?:re|fwd?)\s*+(?:\[[^\[\]]*+\]\s*+)?+:\s*+", re.IGNORECASE)
_TRAILER: Final = re.compile(r"(?:\s*\(fwd\))+\s*\Z", re.IGNORECASE)


def base(subject: str) -> str:
    """The base subject of a decoded subject."""
    return analyse(subject)[0]


def is_reply(subject: str) -> bool:
    """Whether anything was taken off that marks a reply or forward (RFC 5256 §3, step 5 needs it)."""
    return analyse(subject)[1]


def analyse(subject: str) -> tuple[str, bool]:
    """The base subject, and whether it was a reply or forward."""
    text = " ".join(subject[:_LENGTH].split())  # step 1
    start, end, reply = 0, len(text), False
    while True:
        while text[max(start, end - 5) : end].lower() == "(fwd)":  # step 2
            end -= 5
            reply = True
            while end > start and text[end - 1] == " ":
                end -= 1
        moved = True
        while moved:  # steps 3 to 5
            moved = False
            leader = _LEADER.match(text, start, end)
            if leader is not None:
                start, reply, moved = leader.end(), True, True
                continue
            blob = _BLOB.match(text, start, end)
            if blob is not None and blob.end() < end:
                start, moved = blob.end(), True
        if text[start : start + 5].lower() == "[fwd:" and text[end - 1 : end] == "]" and end - start > 5:  # step 6
            start, end, reply = start + 5, end - 1, True
            while start < end and text[start] == " ":
                start += 1
            while end > start and text[end - 1] == " ":
                end -= 1
            continue
        return text[start:end], reply
