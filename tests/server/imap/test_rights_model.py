"""Random lists of rights and random commands: nothing is shown or changed that the model of RFC 4314 §4 forbids.

Ann owns the mailboxes, Bob sends the commands. After each one what Bob has heard and what has become of Ann's mail is held against the
rights he had, worked out here from the lists alone.
"""

import socket
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.store import acl, append, mailboxes
from tests.fakes.imap_house import PASSWORD, in_a_thread, message

PREFIX = "Other Users/ann@example.org/"
BOXES = ("Top", "Top/Below", "Side")
LETTERS = "lrswipkxtea"
MARK_BITS = {"s": 1, "w": 2 | 4 | 16, "t": 8}

few = st.frozensets(st.sampled_from(LETTERS), max_size=3)
seldom = st.one_of(st.just(frozenset()), st.just(frozenset()), few)
base = st.sampled_from(["lr", "lr", "lr", "r", "l", ""]).map(frozenset)
lists = st.fixed_dictionaries({box: st.tuples(st.builds(frozenset.union, base, few), seldom, seldom) for box in BOXES})
box = st.sampled_from(BOXES)
flag_sets = st.lists(
    st.sampled_from(["\\Seen", "\\Deleted", "\\Flagged", "\\Answered", "$Junk"]), min_size=1, max_size=3
)
on_a_mailbox = st.tuples(
    st.sampled_from(
        [
            "SELECT {}",
            "EXAMINE {}",
            "STATUS {} (MESSAGES UNSEEN)",
            "DELETE {}",
            "CREATE {}/New",
            "SUBSCRIBE {}",
            "GETACL {}",
            "MYRIGHTS {}",
            "GETQUOTAROOT {}",
            "SETACL {} bob@example.org lrswipkxtea",
            "DELETEACL {} anyone",
            "COPY 1:* {}",
            "MOVE 1:* {}",
            "APPEND {} (\\Seen \\Deleted \\Flagged) LITERAL",
            "REPLACE 1 {} (\\Seen) LITERAL",
            "RENAME {} {}2",
        ]
    ),
    box,
)
on_messages = st.tuples(
    st.one_of(
        st.builds("STORE 1:* {}FLAGS ({})".format, st.sampled_from(["", "+", "-"]), flag_sets.map(" ".join)),
        st.sampled_from(
            [
                "FETCH 1:* (FLAGS BODY[])",
                "FETCH 1:* BODY.PEEK[HEADER]",
                "SEARCH BODY secret",
                "SORT (DATE) UTF-8 ALL",
                "THREAD REFERENCES UTF-8 ALL",
                "COPY 1:* INBOX",
                "MOVE 1:* INBOX",
            ]
        ),
        st.sampled_from(["EXPUNGE", "CLOSE", "UID EXPUNGE 1:*", "NOOP"]),
        st.sampled_from(['LIST "" "*" RETURN (MYRIGHTS STATUS (MESSAGES))', 'LSUB "" "*"', "revoke"]),
    )
)
commands = st.booleans().flatmap(lambda both: on_messages if both else on_a_mailbox)


class Line:
    """A client that blocks."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._file = self._socket.makefile("rb")
        self._tag = 0
        self._file.readline()
        assert self.ask(f'LOGIN bob@example.org "{PASSWORD}"')[0]

    def ask(self, command):
        """Whether the connection still stands, and all that was said."""
        self._tag += 1
        tag = b"t%d" % self._tag
        text = message("from bob")
        said = command.encode().replace(b"LITERAL", b"{%d+}\r\n" % len(text) + text)
        self._socket.sendall(tag + b" " + said + b"\r\n")
        heard = b""
        while line := self._file.readline():
            heard += line
            if line.startswith(tag + b" "):
                return True, heard
        return False, heard

    def close(self):
        self._file.close()
        self._socket.close()


@dataclass
class World:
    """One house for all examples; each has mailboxes of its own."""

    house: object
    number: int = 0
    held: dict = field(default_factory=dict)

    def begin(self, given_rights):
        """Make the mailboxes of an example."""
        self.number += 1
        house = self.house
        ids = {}
        for name in BOXES:
            real = self.real(name)
            for to, letters, negative in zip(
                ("bob", "anyone", "bob"), given_rights[name], (False, False, True), strict=True
            ):
                house.share(real, "".join(letters), to=to, negative=negative)
            ids[name] = house.store.read_now(house.ann, lambda r, real=real: mailboxes.by_name(r, real).id)
            for flags in (("\\Deleted",), ()):
                house.append(message(f"secret-{real}-", f"secret-{real}-"), real, flags=flags)
        return ids

    def real(self, name):
        top, slash, below = name.partition("/")
        return f"E{self.number}{top}{slash}{below}"

    def rights(self):
        """What Bob holds now, by the number of the mailbox."""
        rows = self.rows("SELECT mailbox_id, grantee, negative, rights FROM acl")
        held = {}
        for negative in (0, 1):
            for mailbox_id, grantee, minus, letters in rows:
                if minus == negative and grantee in {0, self.house.bob}:
                    so_far = held.get(mailbox_id, set())
                    held[mailbox_id] = so_far - set(letters) if negative else so_far | set(letters)
        return held

    def rows(self, sql):
        return self.house.store.read_now(self.house.ann, lambda r: r.raw(sql).fetchall())

    def snapshot(self):
        names = dict(self.rows("SELECT id, name FROM mailbox"))
        placed = {
            (mailbox_id, uid): (flags, words)
            for mailbox_id, uid, flags, words in self.rows("SELECT mailbox_id, uid, flags, keywords FROM placement")
        }
        lines = sorted(self.rows("SELECT mailbox_id, grantee, negative, rights FROM acl"))
        return names, placed, lines


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with in_a_thread(tmp_path_factory.mktemp("rights")) as house:
        yield World(house)


@contextmanager
def connected(house):
    line = Line(house.port)
    try:
        yield line
    finally:
        line.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_rights=lists, first=box, steps=st.lists(commands, min_size=4, max_size=10))
def test_nothing_is_shown_or_changed_that_is_forbidden(world, given_rights, first, steps):
    world.begin(given_rights)
    selected = None
    with connected(world.house) as line:
        for pattern, *names in [("SELECT {}", first), *steps]:
            if pattern == "revoke":
                for name in BOXES[:2]:
                    if mailboxes_there(world, name):
                        world.house.share(world.real(name), "", to="bob")
                continue
            quoted = [f'"{PREFIX}{world.real(name)}' for name in names]
            command = fill(pattern, quoted)
            held = world.rights()
            before = world.snapshot()
            stands, heard = line.ask(command)
            after = world.snapshot()
            check_changes(before, after, held, command)
            check_heard(heard, before[0], held, command)
            check_selected(heard, selected, held, command)
            selected = selected_now(selected, heard, command, before[0])
            assert stands or b"* BYE" in heard
            if b"* BYE" in heard:
                return


def mailboxes_there(world, name):
    return world.house.store.read_now(world.house.ann, lambda r: mailboxes.find(r, world.real(name)))


def fill(pattern, quoted):
    """Names stand in quotes with what is put behind them."""
    words = [word.replace("{}", quoted[0], 1) + '"' if "{}" in word else word for word in pattern.split(" ")]
    return " ".join(words)


def check_changes(before, after, held, command):
    names, placed, lines = before
    names_after, placed_after, lines_after = after

    def may(mailbox_id, letters):
        assert set(letters) <= held.get(mailbox_id, set()), (command, names.get(mailbox_id), letters)

    for mailbox_id in names.keys() - names_after.keys():
        may(mailbox_id, "x")
    for mailbox_id, name in names_after.items():
        if names.get(mailbox_id) not in {None, name}:
            # A mailbox below one that is renamed goes with it.
            top = min((i for i, old in names.items() if names_after.get(i) != old), key=lambda i: len(names[i]))
            may(top, "x")
        if mailbox_id not in names:
            above = [i for i, one in names.items() if name.startswith(one + "/")]
            may(max(above, key=lambda i: len(names[i])), "k")
    gone = {key for key in placed.keys() - placed_after.keys() if key[0] in names_after}
    for mailbox_id, _ in gone:
        may(mailbox_id, "re" if command.startswith(("EXPUNGE", "CLOSE", "UID EXPUNGE")) else "rte")
    for mailbox_id, _ in placed_after.keys() - placed.keys():
        may(mailbox_id, "i")
    for key in placed.keys() & placed_after.keys():
        (flags, words), (flags_after, words_after) = placed[key], placed_after[key]
        for letter, bits in MARK_BITS.items():
            if (flags ^ flags_after) & bits:
                may(key[0], "r" + letter)
        if words != words_after:
            may(key[0], "rw")
    for key in placed_after.keys() - placed.keys():
        flags, words = placed_after[key]
        for letter, bits in MARK_BITS.items():
            if flags & bits:
                may(key[0], letter)
        if words:
            may(key[0], "w")
    for changed in {line[0] for line in set(lines) ^ set(lines_after)}:
        if changed in names and changed in names_after:
            may(changed, "a")


def check_heard(heard, names, held, command):
    for mailbox_id, name in names.items():
        rights_here = held.get(mailbox_id, set())
        whole = f'"{PREFIX}{name}"'.encode()
        if b"* LIST" in heard and b'"/" ' + whole in heard and "LIST" in command:
            assert "l" in rights_here, (command, name)
        if b"* STATUS " + whole in heard:
            assert "r" in rights_here, (command, name)
        if b"* ACL " + whole in heard:
            assert "a" in rights_here, (command, name)
        if b"* MYRIGHTS " + whole in heard:
            assert rights_here & set("lrikxa"), (command, name)


def check_selected(heard, mailbox_id, held, command):
    """What is said of messages is of the selected mailbox, and takes the right to read it, now."""
    told = (b" FETCH (", b"* SEARCH ", b"* SORT ", b"* THREAD (", b"COPYUID", b"secret-")
    if any(word in heard for word in told):
        assert mailbox_id is not None, command
        assert "r" in held.get(mailbox_id, set()), command


def selected_now(mailbox_id, heard, command, names):
    """The number of the mailbox that is selected after a command."""
    if command.startswith(("SELECT", "EXAMINE")):
        whole = command.partition(" ")[2].strip('"').removeprefix(PREFIX)
        opened = b" OK [READ-" in heard
        return next((number for number, name in names.items() if name == whole), None) if opened else None
    return None if command == "CLOSE" else mailbox_id


def test_the_model_is_the_stores_own(world):
    """The lists of the examples are read here as the store reads them."""
    world.begin(dict.fromkeys(BOXES, (frozenset("lrs"), frozenset("iw"), frozenset("w"))))
    held = world.rights()
    house = world.house
    granted = house.store.read_now(house.ann, lambda r: acl.granted(r, house.bob))
    assert {mailbox_id: frozenset(letters) for mailbox_id, letters in held.items() if letters} == granted
    assert append.prepare(message()).size
