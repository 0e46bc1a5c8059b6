"""What the RFCs give as examples: every command is understood and said again; every response is read by our clients; ours are as theirs."""

import pytest

from server.imap.syntax.fragment import Fragmenter, FragmentLimits, NeedContinuation, RawCommand
from server.imap.syntax.parse import parse
from server.imap.syntax.response import status, untagged
from server.imap.syntax.sequence import format_numbers
from server.mail.summary import summarise
from tests.server.imap.spoken import say
from tests.stress import answer
from webmail import imap_response

LIMITS = FragmentLimits(line=10_000, literal=10_000, command=30_000)
LETTER = (
    "Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)\r\nFrom: Fred Foobar <foobar@Blurdybloop.COM>\r\nSubject: afternoon meeting\r\n"
    "To: mooch@owatagu.siam.edu\r\nMessage-Id: <B27397-0100000@Blurdybloop.COM>\r\nMIME-Version: 1.0\r\n"
    "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\nHello Joe, do you think we can meet at 3:30 tomorrow?\r\n"
)

COMMANDS = {
    "9051": [
        "CAPABILITY", "NOOP", "LOGOUT", "STARTTLS", "AUTHENTICATE GSSAPI", "LOGIN SMITH SESAME", "ENABLE CONDSTORE X-GOOD-IDEA",
        "SELECT INBOX", "EXAMINE blurdybloop", "CREATE owatagusiam/", "CREATE owatagusiam/blurdybloop", "DELETE blurdybloop",
        "RENAME blurdybloop sarasoop", "RENAME INBOX old-mail", "SUBSCRIBE #news.comp.mail.mime", "UNSUBSCRIBE #news.comp.mail.mime",
        'LIST "" ""', 'LIST #news.comp.mail.misc ""', 'LIST /usr/staff/jones ""', "LIST ~/Mail/ %", 'LIST "" "*"', 'LIST (SUBSCRIBED) "" "*"',
        'LIST () "" "%" RETURN (CHILDREN)', 'LIST (REMOTE) "" "%" RETURN (CHILDREN)', 'LIST (REMOTE SUBSCRIBED) "" "*"',
        'LIST "" ("INBOX" "Drafts" "Sent/%")', 'LIST (SUBSCRIBED RECURSIVEMATCH) "" "%"', 'LIST (SUBSCRIBED) "" "%" RETURN (SUBSCRIBED CHILDREN)',
        'LIST "" % RETURN (STATUS (MESSAGES UNSEEN))', "NAMESPACE", "STATUS blurdybloop (UIDNEXT MESSAGES)", "IDLE", "CLOSE", "UNSELECT", "EXPUNGE",
        'SEARCH RETURN (MIN COUNT) FLAGGED SINCE 1-Feb-1994 NOT FROM "Smith"', 'SEARCH RETURN () FLAGGED SINCE 1-Feb-1994 NOT FROM "Smith"',
        'SEARCH RETURN (SAVE) FLAGGED SINCE 1-Feb-1994 NOT FROM "Smith"', 'SEARCH TEXT "string not in mailbox"',
        "SEARCH RETURN (SAVE MIN MAX) UNDELETED", "UID SEARCH RETURN (ALL) $ SMALLER 4096", 'COPY $ "Other Messages"', "MOVE $ x",
        "FETCH $ (UID INTERNALDATE FLAGS BODY.PEEK[HEADER.FIELDS (DATE FROM)])", "FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])",
        "FETCH 12 FULL", "FETCH 12 BODY[HEADER]", "FETCH 1 BODY[4.2.2.2.HEADER.FIELDS.NOT (Received)]", "FETCH 1 BODY.PEEK[1.MIME]<0.2048>",
        "STORE 2:4 +FLAGS (\\Deleted)", "COPY 2:4 MEETING", "UID FETCH 4827313:4828442 FLAGS", "UID EXPUNGE 3000:3002", "UID MOVE 42:69 foo",
        f"APPEND saved-messages (\\Seen) {{{len(LETTER)}+}}\r\n{LETTER}",
    ],
    "3501": [
        'LSUB "#news." "comp.mail.*"', 'LSUB "#news." "comp.%"', "CHECK", 'SEARCH FLAGGED SINCE 1-Feb-1994 NOT FROM "Smith"',
        "SEARCH CHARSET UTF-8 TEXT {6+}\r\nXXXXXX", "FETCH 1 (RFC822.HEADER RFC822.TEXT RFC822.SIZE)", "FETCH 1 RFC822",
    ],
    "7162": [
        "SELECT INBOX (CONDSTORE)", "FETCH 1:3 (MODSEQ)", "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12345)", "FETCH 1:* (FLAGS) (CHANGEDSINCE 12345)",
        "UID STORE 6,4,8 (UNCHANGEDSINCE 12121230045) +FLAGS.SILENT (\\Deleted)", "STORE 7,5,9 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT (\\Deleted)",
        "STORE 12 (UNCHANGEDSINCE 121230045) +FLAGS.SILENT ($MDNSent)", "STORE 50 (UNCHANGEDSINCE 12121230045) +FLAGS.SILENT ($Processed)",
        'SEARCH MODSEQ "/flags/\\\\draft" all 620162338', "SEARCH OR NOT MODSEQ 720162338 LARGER 50000", "UID SORT (SUBJECT) UTF-8 MODSEQ 21",
        "SEARCH RETURN (MIN MAX) MODSEQ 1", "STATUS blurdybloop (UIDNEXT MESSAGES HIGHESTMODSEQ)", "ENABLE QRESYNC CONDSTORE",
        "SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541))", "SELECT INBOX (QRESYNC (67890007 90060115194045000 41:211,214:541))",
        "UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)",
    ],
    "5256": [
        "SORT (SUBJECT) UTF-8 SINCE 1-Feb-1994", "SORT (SUBJECT REVERSE DATE) UTF-8 ALL", 'SORT (SUBJECT) US-ASCII TEXT "not in mailbox"',
        "THREAD ORDEREDSUBJECT UTF-8 SINCE 5-MAR-2000", 'THREAD REFERENCES US-ASCII TEXT "gewp"',
    ],
    "4731": [
        'SEARCH RETURN (MIN COUNT) FLAGGED SINCE 1-Feb-1994 NOT FROM "Smith"', 'UID SEARCH RETURN (COUNT) FLAGGED SINCE 1-Feb-1994 NOT FROM "Smith"',
        "SEARCH RETURN (ALL) MODSEQ 10",
    ],
    "5182": [
        'UID SEARCH RETURN (SAVE) TEXT "Foo"', "UID STORE $ (UNCHANGEDSINCE 5) +FLAGS (\\Seen)", 'COPY $ "nice-messages"',
        "SEARCH RETURN (SAVE) UID $ SMALLER 4096", "SEARCH CHARSET UTF-8 (OR $ 1,3000:3021) TEXT {4+}\r\nXXXX",
        "SEARCH RETURN (SAVE) CHARSET KOI8-R (OR $ 1,3000:3021) TEXT {4+}\r\nXXXX", "UID FETCH $ (FLAGS)",
    ],
    "3502": [
        f'APPEND saved-messages (\\Seen) {{{len(LETTER)}+}}\r\n{LETTER} (\\Seen) " 7-Feb-1994 22:43:04 -0800" {{{len(LETTER)}+}}\r\n{LETTER}',
    ],
    "2971": ['ID ("name" "sodr" "version" "19.34" "vendor" "Pink Floyd Music Limited")', "ID NIL"],
    "3516": ["FETCH 1 (BINARY[3] BINARY.SIZE[3])", "FETCH 1 BINARY.PEEK[1.2]<0.100>", "APPEND x ~{3+}\r\na\0b"],
    "3691": ["UNSELECT"],
    "5032": ["SEARCH UNSEEN YOUNGER 259200"],
    "5267": ["SORT RETURN (MIN COUNT) (REVERSE DATE) UTF-8 UNSEEN"],
    "5819": ['LIST "" % RETURN (STATUS (MESSAGES UNSEEN))', 'LIST (SUBSCRIBED RECURSIVEMATCH) "" % RETURN (STATUS (MESSAGES))'],
    "5957": ["SORT (REVERSE DISPLAYFROM DISPLAYTO) UTF-8 ALL"],
    "6154": ['LIST "" "%" RETURN (SPECIAL-USE)', 'LIST (SPECIAL-USE) "" "*"', "CREATE MySpecial (USE (\\Drafts \\Sent))"],
    "8474": ["STATUS foo (MAILBOXID)", "FETCH 1:* (EMAILID THREADID)", "SEARCH EMAILID M6d99ac3275bb4e", "SEARCH OR THREADID T64b478a75b7ea9 EMAILID Mx"],
    "8508": ["UID REPLACE 2000 Drafts {5+}\r\nFrom:"],
    "8514": ["FETCH 1 (SAVEDATE)", "SEARCH SAVEDSINCE 28-Dec-2014", "SEARCH SAVEDATESUPPORTED"],
    "8970": ["FETCH 1 (RFC822.SIZE PREVIEW)", "FETCH 1:3 (PREVIEW (LAZY))"],
    "9208": ['GETQUOTA ""', "GETQUOTAROOT INBOX"],
    "9394": [
        "UID SEARCH RETURN (PARTIAL -1:-100) UNDELETED UNKEYWORD $Junk", "UID SEARCH RETURN (PARTIAL 23500:24000) UNDELETED",
        "UID FETCH 25900:26600 (UID FLAGS) (PARTIAL -1:-100)",
    ],
}  # fmt: skip


def read(octets):
    fragmenter = Fragmenter(LIMITS)
    fragmenter.feed(octets)
    while isinstance(fragment := fragmenter.next(), NeedContinuation):
        pass
    assert isinstance(fragment, RawCommand), fragment
    return parse(fragment).command


@pytest.mark.parametrize(
    "text", [pytest.param(text, id=f"{rfc}-{text[:40]!r}") for rfc, texts in COMMANDS.items() for text in texts]
)
def test_a_command_is_understood_and_said_again(text):
    command = read(f"a {text}\r\n".encode())
    assert read(b"a " + say(command) + b"\r\n") == command


# What our clients must read: the webmail's reader, and the one that stands apart from the server (tests/stress).
RESPONSES = [
    # RFC 9051 §7.5.2, §8, §6.4.5; RFC 3501 §7.4.2
    b'FLAGS (\\Seen) UID 4827313 INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE 4286',
    (b'ENVELOPE ("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes" (("Terry Gray" NIL "gray" "cac.washington.edu")) '
    b'(("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu")) '
    b'((NIL NIL "minutes" "CNRI.Reston.VA.US") ("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL "<B27397-0100000@cac.washington.edu>") '
    b'BODY ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3028 92)'),
    (b'BODY (("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1152 23)("TEXT" "PLAIN" ("CHARSET" "US-ASCII" "NAME" "cc.diff") '
    b'"<960723163407.20117h@cac.washington.edu>" "Compiler diff" "BASE64" 4554 73) "MIXED")'),
    b"BODY[HEADER.FIELDS (DATE FROM)]<0> {4}\r\nDate",
    # RFC 7162 §3.1.4
    b"UID 4 MODSEQ (12121231000)", b"MODSEQ (65402) FLAGS (\\Seen)",
    # RFC 3516 §7; RFC 8474 §5; RFC 8514 §4.3; RFC 8970 §3
    b"BINARY.SIZE[3] 4096", b"BINARY[1] ~{3}\r\na\0b", b"EMAILID (M6d99ac3275bb4e) THREADID (T64b478a75b7ea9)", b"THREADID NIL",
    b'SAVEDATE "20-May-2019 10:15:43 +0000"', b"SAVEDATE NIL", b'PREVIEW "This is the first line of text from the first text part."',
]  # fmt: skip


@pytest.mark.parametrize("data", RESPONSES)
def test_a_response_is_read(data):
    pairs = imap_response.pairs(imap_response.parse(b"(" + data + b")")[0])
    own = answer.fetch_items(b"(" + data + b")")
    assert {name.upper() for name in pairs} == {name.decode() for name in own}


def test_the_numbers_of_searches_are_read():
    assert answer.found_numbers([b"* SEARCH 2 84 882"])[0] == [2, 84, 882]
    assert answer.found_numbers([b"* SEARCH"])[0] == []
    assert answer.found_numbers([b"* SEARCH 2 5 6 7 11 12 18 19 20 23 (MODSEQ 917162500)"])[1] == {
        b"MODSEQ": b"917162500"
    }
    found, items = answer.found_numbers([b'* ESEARCH (TAG "A285") UID MIN 7 MAX 3800 ALL 7,3800 COUNT 2'])
    assert (found, items[b"COUNT"]) == ([7, 3800], b"2")
    assert answer.thread_numbers([b"* THREAD (2)(3 6 (4 23)(44 7 96))"]) == [2, 3, 6, 4, 23, 44, 7, 96]


@pytest.mark.parametrize(
    ("written", "example"),
    [
        (untagged(b"VANISHED (EARLIER)", format_numbers([41, *range(43, 117), 118, *range(120, 212), *range(214, 541)])),
         b"* VANISHED (EARLIER) 41,43:116,118,120:211,214:540\r\n"),  # RFC 7162 §3.2.5
        (status(b"d105", b"OK", "Conditional STORE failed", b"MODIFIED " + format_numbers([7, 9])),
         b"d105 OK [MODIFIED 7,9] Conditional STORE failed\r\n"),  # RFC 7162 §3.1.3
        (status(b"A003", b"OK", "COPY completed", b"COPYUID 38505 304,319:320 3956:3958"),
         b"A003 OK [COPYUID 38505 304,319:320 3956:3958] COPY completed\r\n"),  # RFC 4315 §3
        (untagged(b"ESEARCH", b'(TAG "a567")', b"UID", b"COUNT 17", b"ALL " + format_numbers([4, *range(8, 24)])),
         b'* ESEARCH (TAG "a567") UID COUNT 17 ALL 4,8:23\r\n'),
    ],
)  # fmt: skip
def test_ours_are_as_theirs(written, example):
    assert written == example


def test_the_envelope_and_body_of_the_sample_session():
    """RFC 9051 §8: `a003 fetch 12 full` and `a004 fetch 12 body[header]`."""
    raw = (
        b"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\nFrom: Terry Gray <gray@cac.washington.edu>\r\n"
        b"Subject: IMAP4rev2 WG mtg summary and minutes\r\nTo: imap@cac.washington.edu\r\n"
        b"cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\nMessage-Id: <B27397-0100000@cac.washington.edu>\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n"
        + b"x" * 31
        + b"\r\n"
        + b"y" * 29
        + b"\r\n"
    )
    found = summarise(raw)
    assert found.header_size == 342
    # The RFC breaks its line between two addresses; the grammar has no space there.
    example = RESPONSES[1].replace(b'") ("John', b'")("John')
    envelope, body = (example.removeprefix(b"ENVELOPE ").partition(b" BODY ")[n] for n in (0, 2))
    assert found.envelope == envelope
    assert found.body.upper() == body.replace(b"3028 92", b"64 2")
