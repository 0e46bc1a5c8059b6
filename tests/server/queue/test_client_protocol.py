"""Command words and replies of the SMTP client."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.queue import client_protocol as protocol
from server.queue.client_protocol import Unsendable
from server.queue.model import Kind, Message, Recipient


def message(**fields) -> Message:
    values = {"id": "q", "reverse_path": "anna@example.org", "sender_account": 1, "envelope_id": None, "ret": None,
              "size": 321, "eight_bit": False, "created_at": 0}  # fmt: skip
    return Message(**(values | fields))


def recipient(address="bob@remote.test", **fields) -> Recipient:
    return Recipient(1, address, "remote.test", **fields)


class TestReply:
    @pytest.mark.parametrize(
        ("code", "text", "kind", "enhanced", "rest"),
        [
            (250, "2.1.5 ok", Kind.DELIVERED, "2.1.5", "ok"),
            (250, "ok", Kind.DELIVERED, "2.0.0", "ok"),
            (550, "5.1.1 no such user", Kind.FAILED, "5.1.1", "no such user"),
            (451, "4.7.1\nwait", Kind.DEFERRED, "4.7.1", "wait"),
            (550, "2.1.5 lies", Kind.FAILED, "5.0.0", "2.1.5 lies"),
            (550, "5.1.1x", Kind.FAILED, "5.0.0", "5.1.1x"),
            (354, "go", Kind.DEFERRED, "4.0.0", "go"),
            (-1, "nonsense", Kind.DEFERRED, "4.0.0", "nonsense"),
            (999, "", Kind.DEFERRED, "4.0.0", ""),
        ],
    )
    def test_meaning(self, code, text, kind, enhanced, rest):
        assert protocol.reply(code, text) == protocol.Reply(kind, code, enhanced, rest)


class TestPath:
    @pytest.mark.parametrize(
        ("address", "path"),
        [
            ("", ""),
            ("bob@Remote.Test", "bob@remote.test"),
            ("bob+tag@remote.test", "bob+tag@remote.test"),
            ('"two words"@remote.test', '"two words"@remote.test'),
            ('"plain"@remote.test', "plain@remote.test"),
            ("bob@bücher.example", "bob@xn--bcher-kva.example"),
            ("bob@[192.0.2.1]", "bob@[192.0.2.1]"),
        ],
    )
    def test_written(self, address, path):
        assert protocol.wire_path(address, utf8=False) == path

    def test_needs_smtputf8(self):
        with pytest.raises(Unsendable) as refused:
            protocol.wire_path("jürgen@remote.test", utf8=False)
        assert refused.value.enhanced == "5.6.7"
        assert protocol.wire_path("jürgen@remote.test", utf8=True) == "jürgen@remote.test"

    @given(
        st.one_of(
            st.text(max_size=40),
            st.builds(
                lambda a, b, c: a + "@remote.test" + b + c,
                st.text(max_size=10),
                st.sampled_from(["", "\r\n", ">", "\0", " ", "\n", "\u2028"]),
                st.text(max_size=20),
            ),
        )
    )
    def test_no_text_can_end_the_line_or_the_path(self, address):
        try:
            path = protocol.wire_path(address, utf8=True)
        except Unsendable:
            return
        octets = path.encode()
        assert not any(octet < 0x20 or octet == 0x7F for octet in octets)
        if not path.startswith('"'):
            assert not set(path) & set(' <>"')


class TestWords:
    def test_plain_peer(self):
        assert protocol.mail_words(message(), (), needs_utf8=False) == ["MAIL", "FROM:<anna@example.org>"]
        assert protocol.mail_words(message(reverse_path=""), (), needs_utf8=False) == ["MAIL", "FROM:<>"]
        assert protocol.rcpt_words(recipient(), ()) == ["RCPT", "TO:<bob@remote.test>"]

    def test_extensions(self):
        words = protocol.mail_words(
            message(eight_bit=True, envelope_id="a=b c", ret="FULL"),
            {"size", "8bitmime", "dsn", "smtputf8"},
            needs_utf8=True,
        )
        assert words == [
            "MAIL",
            "FROM:<anna@example.org>",
            "SIZE=321",
            "BODY=8BITMIME",
            "SMTPUTF8",
            "RET=FULL",
            "ENVID=a+3Db+20c",
        ]
        words = protocol.rcpt_words(
            recipient(notify=frozenset({"FAILURE", "DELAY"}), original="rfc822;bob@old.test"), {"dsn"}
        )
        assert words == ["RCPT", "TO:<bob@remote.test>", "NOTIFY=DELAY,FAILURE", "ORCPT=rfc822;bob@old.test"]

    def test_eight_bit_needs_the_extension(self):
        with pytest.raises(Unsendable) as refused:
            protocol.mail_words(message(eight_bit=True), {"size"}, needs_utf8=False)
        assert refused.value.enhanced == "5.6.3"

    @given(st.text(max_size=60), st.text(max_size=60))
    def test_nothing_in_the_parameters_ends_the_line(self, envelope_id, original):
        words = protocol.mail_words(message(envelope_id=envelope_id, ret="HDRS"), {"dsn"}, needs_utf8=False)
        words += protocol.rcpt_words(recipient(original=original), {"dsn"})
        assert all(word.isascii() and word.isprintable() and " " not in word for word in words)

    def test_needs_utf8(self):
        assert not protocol.needs_utf8(message(), [recipient("bob@bucher.example")])
        assert protocol.needs_utf8(message(), [recipient("jürgen@remote.test")])
        assert protocol.needs_utf8(message(reverse_path="änne@example.org"), [recipient()])

    @pytest.mark.parametrize(
        ("value", "limit"), [(None, None), ("", None), ("0", None), ("1000", 1000), ("many", None), ("9" * 30, None)]
    )
    def test_size_limit(self, value, limit):
        assert protocol.size_limit({} if value is None else {"size": value}) == limit
