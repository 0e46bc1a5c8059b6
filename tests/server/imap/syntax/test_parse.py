from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.imap.syntax import command as c
from server.imap.syntax.error import ProtocolError
from server.imap.syntax.fragment import Fragmenter, FragmentLimits, NeedContinuation, RawCommand
from server.imap.syntax.mailbox_filter import MailboxFilter, Scope
from server.imap.syntax.notify import EventGroup, Notify
from server.imap.syntax.parse import UnknownCommand, parse
from server.imap.syntax.sequence import SequenceSet
from server.store import query as q
from tests.server.imap import strategies
from tests.server.imap.spoken import say

LIMITS = FragmentLimits(line=20_000, literal=20_000, append_literal=20_000, command=90_000, append_command=90_000)


def raw(data):
    fragmenter = Fragmenter(LIMITS)
    fragmenter.feed(data)
    while isinstance(fragment := fragmenter.next(), NeedContinuation):
        pass
    assert fragmenter.next() is None
    return fragment


def read(text, **options):
    return parse(raw(b"a " + (text.encode() if isinstance(text, str) else text) + b"\r\n"), **options).command


@settings(max_examples=600)
@given(strategies.commands)
def test_what_is_said_is_understood(command):
    fragment = raw(b"t1 " + say(command) + b"\r\n")
    assert isinstance(fragment, RawCommand)
    parsed = parse(fragment)
    assert parsed.tag == b"t1"
    assert parsed.command == command


TOKENS = st.sampled_from(
    [b"FETCH", b"UID ", b"SEARCH ", b"STORE", b"LIST", b"APPEND ", b"SELECT", b" ", b" ", b" ", b"(", b")", b"[", b"]", b"<", b">", b'"', b"\\",
     b"*", b"%", b":", b",", b"1", b"4294967296", b"$", b"BODY[", b"HEADER.FIELDS", b"RETURN ", b"PARTIAL ", b"OR ", b"NOT ", b"FLAGS",
     b"+FLAGS", b"NIL", b"INBOX", b"{2+}\r\nab", b"{1+}\r\n\0", b"&", b"&-", b"\xe9", b"\0", b"-", b".", b"DATE", b"CHARSET x ",
     b"NOTIFY ", b"SET ", b"SELECTED ", b"SUBTREE ", b"MessageNew", b"NONE"]
)  # fmt: skip


@settings(max_examples=1500)
@given(st.lists(TOKENS, max_size=25).map(b"".join))
def test_nothing_but_a_protocol_error_comes_of_nonsense(text):
    fragment = raw(b"a " + text + b"\r\n")
    if isinstance(fragment, RawCommand):
        try:
            parse(fragment)
        except ProtocolError as error:
            assert error.text.isascii()  # noqa: PT017 - either outcome is right


@settings(max_examples=500)
@given(strategies.commands, st.data())
def test_a_damaged_command_is_understood_or_refused(command, data):
    text = bytearray(say(command))
    for _ in range(data.draw(st.integers(1, 3))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.sampled_from(b'() "\\{}*%0AZ\xff\x00[]<>'))
    fragment = first(b"a " + bytes(text) + b"\r\n")
    if isinstance(fragment, RawCommand):
        with suppress(ProtocolError):
            parse(fragment)


def first(data):
    fragmenter = Fragmenter(LIMITS)
    fragmenter.feed(data)
    while isinstance(fragment := fragmenter.next(), NeedContinuation):
        pass
    return fragment


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ('login "ann" {2+}\r\npw', c.Login(b"ann", b"pw")),
        ("LOGIN ann@x.org p]w", c.Login(b"ann@x.org", b"p]w")),
        ("select inbox", c.Select("INBOX")),
        ('SELECT "InBoX" (CONDSTORE)', c.Select("INBOX", condstore=True)),
        ("SELECT x (QRESYNC (67890007 90060115194045000 41:211,214:541 (1,3 5,8)))",
         c.Select("x", qresync=c.QResync(67890007, 90060115194045000, SequenceSet(((41, 211), (214, 541))), matched=True))),
        ("examine &U,BTFw-", c.Select("台北", read_only=True)),
        ("CREATE a/ (USE (\\Sent))", c.Create("a/", ("\\Sent",))),
        ('LIST "" *', c.List("", ("*",))),
        ('LIST "" ""', c.List("", ("",))),
        ('LIST () "" (a b%) RETURN ()', c.List("", ("a", "b%"), extended=True)),
        ("FETCH 1 ALL", c.Fetch(SequenceSet(((1, 1),)), (read("FETCH 1 FLAGS").attributes[0], *read("FETCH 1 (INTERNALDATE RFC822.SIZE ENVELOPE)").attributes))),
        ("uid fetch 1:* flags (changedsince 12 vanished)",
         c.Fetch(SequenceSet(((1, 0),)), read("FETCH 1 FLAGS").attributes, uid=True, changed_since=12, vanished=True)),
        ("STORE 2 -flags.silent \\Seen $x", c.Store(SequenceSet(((2, 2),)), c.StoreMode.REMOVE, ("\\Seen", "$x"), silent=True)),
        ("SEARCH UNSEEN", c.Search(q.Flag("\\Seen", present=False))),
        ("SEARCH RETURN () 1", c.Search(read("SEARCH 1").key, returned=c.SearchReturn(all=True))),
        # RFC 6203 §4 and §6
        (
            'SEARCH RETURN (RELEVANCY ALL) FUZZY TEXT "Helo"',
            c.Search(q.Fuzzy(q.Text("Helo")), returned=c.SearchReturn(all=True, relevancy=True)),
        ),
        (
            'SORT (RELEVANCY) UTF-8 FUZZY SUBJECT "Helo"',
            c.Sort((("relevancy", False),), q.Fuzzy(q.Field("subject", "Helo"))),
        ),
        ("SEARCH RETURN (SAVE) ALL", c.Search(q.All(), returned=c.SearchReturn(save=True))),
        ("SEARCH RETURN (PARTIAL -10:-1) ALL", c.Search(q.All(), returned=c.SearchReturn(partial=(-1, -10)))),
        ("UID EXPUNGE $", c.Expunge(SequenceSet.SAVED)),
        ("notify none", Notify()),
        ("ESEARCH UNSEEN", c.Esearch((), q.Flag("\\Seen", present=False))),
        ("esearch in (mailboxes a subtree-one (b c)) return (count) all",
         c.Esearch((MailboxFilter(Scope.MAILBOXES, ("a",)), MailboxFilter(Scope.SUBTREE_ONE, ("b", "c"))), q.All(),
                   returned=c.SearchReturn(count=True))),
        ("NOTIFY SET (SELECTED NONE)", Notify((EventGroup(MailboxFilter(Scope.SELECTED)),))),
        ("NOTIFY SET STATUS (SUBTREE a (MailboxName))",
         Notify((EventGroup(MailboxFilter(Scope.SUBTREE, ("a",)), frozenset({"MAILBOXNAME"})),), status=True)),
        ('ID ("name" NIL)', c.Id(((b"name", None),))),
        ("AUTHENTICATE plain =", c.Authenticate("PLAIN", b"=")),
        ("uid replace 2000 Drafts (\\Seen) {1+}\r\nx",
         c.Replace(SequenceSet(((2000, 2000),)), "Drafts", c.NewMessage(b"x", ("\\Seen",)), uid=True)),
        ("REPLACE * x {1+}\r\nx", c.Replace(SequenceSet(((0, 0),)), "x", c.NewMessage(b"x"))),
        ('getmetadata "" /shared/Comment', c.GetMetadata("", ("/shared/Comment",))),
        ("GETMETADATA (MAXSIZE 7 DEPTH infinity) INBOX /private", c.GetMetadata("INBOX", ("/private",), 7, None)),
        ('GETMETADATA inbox (depth 1) (/private/a "/private/b c")', c.GetMetadata("INBOX", ("/private/a", "/private/b c"), None, 1)),
        ("SETMETADATA x (/private/comment NIL /shared/vendor/a/b ~{3+}\r\na\0b /private/c {1+}\r\nx)",
         c.SetMetadata("x", (("/private/comment", None), ("/shared/vendor/a/b", b"a\0b"), ("/private/c", b"x")))),
        ('LIST "" % RETURN (METADATA (/shared/comment /private/x) CHILDREN)',
         c.List("", ("%",), returned=frozenset({"METADATA", "CHILDREN"}), extended=True, metadata=("/shared/comment", "/private/x"))),
        ('append x (\\Seen) catenate (url "/a/;UID=1" text {1+}\r\nx URL /b/;UID=2 UTF8 (~{1+}\r\ny))',
         c.Append("x", (c.NewMessage(b"", ("\\Seen",), None, (c.Url(b"/a/;UID=1"), b"x", c.Url(b"/b/;UID=2"), b"y")),))),
        ("UID REPLACE 3 x CATENATE (TEXT {1+}\r\nx)",
         c.Replace(SequenceSet(((3, 3),)), "x", c.NewMessage(b"", parts=(b"x",)), uid=True)),
        ("APPEND x UTF8 (~{3+}\r\na\0b)", c.Append("x", (c.NewMessage(b"a\0b"),))),
    ],
)  # fmt: skip
def test_forms(text, command):
    assert read(text) == command


@pytest.mark.parametrize(
    "text",
    [
        "", " NOOP", "NOOP ", "NOOP x", "LOGIN", "LOGIN a", "LOGIN a b c", "LOGIN  a b", 'LOGIN "a b', 'LOGIN "a\\x" b', 'LOGIN a "b\0"',
        "LOGIN a {1+}\r\n\0", "SELECT", "SELECT a b", "SELECT a (FOO)", "SELECT a (QRESYNC (1))", "SELECT a (QRESYNC (1 1 1:*))",
        "SELECT &", "SELECT {3+}\r\na\r\n", 'LIST (RECURSIVEMATCH) "" *', 'LIST (FOO) "" *', 'LIST "" () ', 'LIST "" a RETURN (FOO)',
        "STATUS x ()", "STATUS x (FOO)", "APPEND x", "APPEND x (a {1+}\r\nx", 'APPEND x "bad date" {1+}\r\nx', "APPEND x {1+}\r\nx y",
        "FETCH 1", "FETCH 1 ()", "FETCH 1 FOO", "FETCH 0 FLAGS", "FETCH 1 (FLAGS", "FETCH 1 BODY[", "FETCH 1 BODY[MIME]", "FETCH 1 BODY[0]",
        "FETCH 1 BODY[1.]", "FETCH 1 BODY[HEADER.FIELDS]", "FETCH 1 BODY[HEADER.FIELDS ()]", "FETCH 1 BODY[]<0>", "FETCH 1 BODY[]<0.0>",
        "FETCH 1 BINARY[TEXT]", "FETCH 1 ENVELOPE[1]", "FETCH 1 FLAGS (FOO 1)", "FETCH 1 FLAGS (VANISHED)", "UID FETCH 1 FLAGS (VANISHED)",
        "FETCH 1 FLAGS (PARTIAL 1:2)", "UID FETCH 1 FLAGS (PARTIAL 1:-2)", "STORE 1 FLAGS", "STORE 1 FOO (x)", "STORE 1 (FOO 1) FLAGS ()",
        "STORE 1 FLAGS (\\)", "COPY 1", "SEARCH", "SEARCH FOO", "SEARCH NOT", "SEARCH OR ALL", "SEARCH (ALL", "SEARCH ALL)", "SEARCH ()",
        "SEARCH HEADER x", "SEARCH BEFORE 1-1-2020", "SEARCH RETURN (FOO) ALL", "SEARCH RETURN (MIN MIN) ALL", "SEARCH RETURN (ALL PARTIAL 1:2) ALL",
        "SEARCH RETURN (PARTIAL 0:1) ALL", "SEARCH OLDER 0", "SEARCH FROM \xff", "SORT (FOO) UTF-8 ALL", "SORT () UTF-8 ALL", "SORT (REVERSE) UTF-8 ALL",
        "THREAD FOO UTF-8 ALL", 'ID ("a")', 'ID (NIL "a")', "ENABLE", "UID", "UID NOOP", "UID EXPUNGE", "MOVE 1 a b", "EXPUNGE 1", "COMPRESS", "COMPRESS LZ4",
        "APPEND x CATENATE", "APPEND x CATENATE ()", "APPEND x CATENATE (TEXT x)", "APPEND x CATENATE (FOO {1+}\r\nx)", "APPEND x CATENATE (URL)",
        "APPEND x CATENATE (URLx)", "APPEND x CATENATE TEXT {1+}\r\nx", "APPEND x CATENATE (TEXT {1+}\r\nx", "APPEND x CATENATE (Ufo {1+}\r\nx)", "GETMETADATA x", "GETMETADATA x ()",
        "GETMETADATA x /comment", "GETMETADATA x /private/", "GETMETADATA x /private//a", 'GETMETADATA x "/private/a*"', 'GETMETADATA x "/private/a%"',
        "GETMETADATA x /privat", "GETMETADATA x /privatea/b", 'GETMETADATA x "/private/\xe9"', 'GETMETADATA x "/private/\x19"', "GETMETADATA x /private/" + "a" * 300,
        "GETMETADATA (DEPTH 2) x /private/a", "GETMETADATA (DEPTH) x /private/a", "GETMETADATA (DEPTH 1 DEPTH 1) x /private/a", "GETMETADATA (FOO 1) x /private/a",
        "GETMETADATA (DEPTH 1) x (MAXSIZE 1) /private/a", "GETMETADATA (MAXSIZE 1)x /private/a", "GETMETADATA () x /private/a", "GETMETADATA x /private/a /private/b",
        "SETMETADATA x", "SETMETADATA x ()", "SETMETADATA x (/private/a)", "SETMETADATA x (/private/a b)", "SETMETADATA x /private/a NIL",
        "SETMETADATA x (/private NIL)", "SETMETADATA x (/private/vendor/a NIL)", "SETMETADATA x (/private/a NIL /b/c NIL)",
        'LIST "" % RETURN (METADATA)', 'LIST "" % RETURN (METADATA ())', 'LIST "" % RETURN (METADATA (' + " ".join(f"/private/{n}" for n in range(21)) + "))", "UNAUTHENTICATE x", "REPLACE", "REPLACE 1", "REPLACE 1 x", "REPLACE 0 x {1+}\r\nx",
        "ESEARCH", "ESEARCH IN () ALL", "ESEARCH IN (FOO) ALL", "ESEARCH IN (SELECTED-DELAYED) ALL", "ESEARCH IN (SUBTREE-ONE) ALL",
        "ESEARCH IN (SUBTREE-ONE (a) ) ALL", 'ESEARCH IN ("SELECTED") ALL', "ESEARCH IN (PERSONAL)", "ESEARCH RETURN (FOO) ALL", "ESEARCH IN PERSONAL ALL",
        "CANCELUPDATE", "CANCELUPDATE ", "CANCELUPDATE a", 'CANCELUPDATE "a" b', "SEARCH RETURN (UPDATE ()) ALL", "SEARCH RETURN (UPDATE (FOO)) ALL",
        "SEARCH RETURN (UPDATE (UID) UPDATE) ALL", "SEARCH RETURN (UPDATE(UID)) ALL", "SEARCH RETURN (CONTEXT CONTEXT) ALL", "NOTIFY SET (SUBTREE-ONE a NONE)", "NOTIFY", "NOTIFY SET", "NOTIFY SET STATUS", "NOTIFY SET ()", "NOTIFY SET (SELECTED)", "NOTIFY SET (SELECTED ())", "NOTIFY FOO",
        "NOTIFY SET (FOO NONE)", "NOTIFY SET (SUBTREE (MailboxName))", "NOTIFY SET (MAILBOXES () NONE)", "NOTIFY NONE x",
        "NOTIFY SET (SELECTED (MessageNew))", "NOTIFY SET (PERSONAL (MessageExpunge))", "NOTIFY SET (INBOXES (FlagChange))",
        "NOTIFY SET (PERSONAL (MessageNew FlagChange))", "NOTIFY SET (PERSONAL (AnnotationChange))",
        "NOTIFY SET (SELECTED (MailboxName))", "NOTIFY SET (SELECTED-DELAYED (MessageNew MessageExpunge SubscriptionChange))",
        "NOTIFY SET (SELECTED NONE) (SELECTED-DELAYED NONE)", "NOTIFY SET (SELECTED (MessageNew () MessageExpunge))",
        "NOTIFY SET (SELECTED (MessageNew (FOO) MessageExpunge))", "NOTIFY SET (SELECTED NONE)(PERSONAL NONE)",
        "REPLACE 1:2 x {1+}\r\nx", "REPLACE 1,2 x {1+}\r\nx", "REPLACE $ x {1+}\r\nx", "UID REPLACE 1 x {1+}\r\nx {1+}\r\ny", "COMPRESS DEFLATE x",
    ],
)  # fmt: skip
def test_what_is_refused(text):
    with pytest.raises(ProtocolError):
        read(text.encode("latin-1"))


def test_an_unknown_command_says_so():
    with pytest.raises(UnknownCommand):
        read("FROBNICATE")
    with pytest.raises(UnknownCommand):
        read("UID NOOP")


@pytest.mark.parametrize("depth", [51, 4_000])
@pytest.mark.parametrize("opening", [b"(", b"NOT "])
def test_nesting_is_refused_before_it_costs_anything(depth, opening):
    """security T113, T114: BAD at depth 50, no recursion error."""
    with pytest.raises(ProtocolError, match="too complicated"):
        read(b"SEARCH " + opening * depth + b"ALL")


def test_many_terms_are_refused():
    """security T075."""
    with pytest.raises(ProtocolError, match="too complicated"):
        read(b"SEARCH " + b"OR ALL " * 60 + b"ALL")


def test_names_after_enable_are_utf8():
    assert read('SELECT "台北 & "', utf8=True) == c.Select("台北 & ")
    assert read('SELECT "台北"') == c.Select("台北")  # quirk utf8_name_without_enable
    with pytest.raises(ProtocolError):
        read(b'SELECT "\xff"', utf8=True)


def test_a_charset_we_do_not_know_is_left_to_the_handler():
    assert read(b"SEARCH CHARSET big5 FROM {2+}\r\n\xa4\xa4").charset == "BIG5"
