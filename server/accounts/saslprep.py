"""SASLprep, pure: how a client of SCRAM writes a password before it hashes it (RFC 4013, a profile of RFC 3454).

Passwords are kept and compared as they came (PLAIN sends them so, and the web page); only the keys of SCRAM are made of the
prepared form, as the client makes its own of that. What the profile forbids stays as it came: a password is never refused here,
and a client that does not prepare at all hashes those octets, too.
"""

import stringprep
from unicodedata import ucd_3_2_0 as unicode_3_2

# RFC 4013 §2.3. C.1.2 is mapped away before.
_PROHIBITED = (
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def prepared(text: str) -> str:
    """Return the prepared form of a password, or the text itself where there is none."""
    if text.isascii() and text.isprintable():
        return text
    # RFC 4013 §2.1, §2.2. Code points that Unicode 3.2 did not know pass, as in a query (RFC 3454 §7).
    mapped = "".join(
        " " if stringprep.in_table_c12(c) else c
        for c in text
        if stringprep.in_table_c12(c) or not stringprep.in_table_b1(c)
    )
    found = unicode_3_2.normalize("NFKC", mapped)
    if not found or any(is_in(c) for c in found for is_in in _PROHIBITED) or not _reads_one_way(found):
        return text
    return found


def _reads_one_way(text: str) -> bool:
    """RFC 3454 §6: no left-to-right letter beside a right-to-left one, which then stands first and last."""
    right = [stringprep.in_table_d1(c) for c in text]
    return not any(right) or (right[0] and right[-1] and not any(stringprep.in_table_d2(c) for c in text))
