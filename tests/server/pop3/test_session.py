"""The POP3 state machine, without a socket."""

import base64
from array import array
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.accounts.sasl import Claim, Exchange
from server.accounts.sasl_refusal import Fault, SaslRefused
from server.pop3.action import Begin, Commit, Listing, Maildrop, Retrieve, Send, SignIn, StartTls
from server.pop3.session import MAX_BAD_COMMANDS, MAX_FAILED_SIGN_INS, ROWS_AT_ONCE, Session, State

DROP = Maildrop(1, 77, array("Q", [3, 5, 9]), array("Q", [100, 200, 300]))


def session(*, tls=False, tls_available=True, plain_allowed=True) -> Session:
    return Session(tls=tls, tls_available=tls_available, plain_allowed=plain_allowed)


@pytest.fixture
def opened() -> Session:
    found = session()
    found.opened(DROP)
    return found


def receive(s: Session, line: bytes):
    """What the session wants, with exchanges begun for it."""
    action = s.receive(line)
    if not isinstance(action, Begin):
        return action
    try:
        return s.begun(Exchange(action.mechanism), action.initial)
    except SaslRefused as refused:
        return s.declined(refused)


def say(s: Session, line: str) -> str:
    action = receive(s, line.encode())
    assert isinstance(action, Send), action
    return action.data.decode()


def capa(s: Session) -> dict[str, str]:
    """The capabilities with their arguments."""
    first, *lines, end, nothing = say(s, "CAPA").split("\r\n")
    assert (first.startswith("+OK"), end, nothing) == (True, ".", "")
    return {name: rest for name, _, rest in (line.partition(" ") for line in lines)}


class TestAuthorization:
    def test_user_and_pass(self):
        s = session()
        assert say(s, "USER anna@example.org").startswith("+OK")
        assert s.receive(b"PASS my secret word") == SignIn(Claim("anna@example.org", "my secret word"))
        assert s.state is State.AUTHORIZATION
        assert s.opened(DROP).data == b"+OK 3 messages (600 octets)\r\n"
        assert s.state is State.TRANSACTION

    def test_pass_needs_user(self):
        assert say(session(), "PASS x").startswith("-ERR")

    def test_refused_pass_needs_user_again(self):
        s = session()
        say(s, "USER anna")
        s.receive(b"PASS wrong")
        s.refused("sign-in failed", "AUTH")
        assert say(s, "PASS again").startswith("-ERR")

    def test_no_plain_text_without_tls(self):
        s = session(plain_allowed=False)
        assert not {"USER", "SASL"} & set(capa(s))
        assert "STLS" in capa(s)
        for line in ("USER anna", "PASS x", "AUTH", "AUTH PLAIN", "AUTH PLAIN AGEAYg=="):
            assert say(s, line).startswith("-ERR"), line
        assert isinstance(s.receive(b"STLS"), StartTls)
        s.secured()
        assert say(s, "USER anna").startswith("+OK")
        assert "USER" in capa(s)
        assert "STLS" not in capa(s)
        assert say(s, "STLS").startswith("-ERR")

    def test_stls_forgets_the_name(self):
        s = session()
        say(s, "USER eve")
        s.receive(b"STLS")
        s.secured()
        assert say(s, "PASS x").startswith("-ERR")

    def test_stls_without_a_certificate(self):
        s = session(tls_available=False)
        assert "STLS" not in say(s, "CAPA")
        assert say(s, "STLS").startswith("-ERR")

    def test_auth_plain_in_one_line_and_in_two(self):
        expected = Claim("anna", "geheim")
        line = base64.b64encode(b"\0anna\0geheim")
        assert receive(session(), b"AUTH PLAIN " + line).claim == expected
        s = session()
        assert say(s, "auth plain") == "+ \r\n"
        assert s.receive(line).claim == expected

    def test_auth_login(self):
        s = session()
        assert say(s, "AUTH LOGIN") == "+ VXNlcm5hbWU6\r\n"
        assert say(s, base64.b64encode(b"anna").decode()) == "+ UGFzc3dvcmQ6\r\n"
        assert s.receive(base64.b64encode(b"geheim")).claim == Claim("anna", "geheim")

    def test_auth_cancelled(self):
        s = session()
        say(s, "AUTH PLAIN")
        assert say(s, "*").startswith("-ERR")
        assert say(s, "USER anna").startswith("+OK")

    def test_a_command_inside_an_exchange_is_an_answer(self):
        s = session()
        say(s, "AUTH PLAIN")
        assert say(s, "QUIT QUIT").startswith("-ERR")

    def test_refused_bearer_token_is_explained_first(self):
        s = session()
        assert isinstance(receive(s, b"AUTH XOAUTH2 " + base64.b64encode(b"user=a\x01auth=Bearer t\x01\x01")), SignIn)
        assert s.refused("sign-in failed", "AUTH").data.startswith(b"+ ")
        assert say(s, "AQ==") == "-ERR [AUTH] sign-in failed\r\n"
        assert say(s, "CAPA").startswith("+OK")

    def test_list_of_mechanisms(self):
        assert (
            say(session(), "AUTH")
            == "+OK mechanisms follow\r\nSCRAM-SHA-256\r\nPLAIN\r\nLOGIN\r\nOAUTHBEARER\r\nXOAUTH2\r\n.\r\n"
        )

    def test_unknown_mechanism(self):
        assert say(session(), "AUTH CRAM-MD5").startswith("-ERR")
        assert say(session(), "AUTH PLAIN a b").startswith("-ERR")

    def test_whose_fault_it_is(self):
        """RFC 3206 §3, §4."""
        assert session().declined(SaslRefused(Fault.UNAVAILABLE)).data.startswith(b"-ERR [SYS/TEMP] ")
        assert session().declined(SaslRefused(Fault.ACTING)).data.startswith(b"-ERR [AUTH] ")
        assert session().declined(SaslRefused(Fault.BASE64)).data == b"-ERR not base64\r\n"

    @pytest.mark.parametrize("line", ["STAT", "LIST", "RETR 1", "DELE 1", "UIDL", "TOP 1 1", "NOOP", "RSET", "XTND"])
    def test_nothing_else_before_the_sign_in(self, line):
        assert say(session(), line).startswith("-ERR")

    def test_failed_sign_ins_end_the_connection(self):
        s = session()
        for _ in range(MAX_FAILED_SIGN_INS - 1):
            assert not s.refused("no", "AUTH").close
        assert s.refused("no", "AUTH").close

    def test_busy_maildrop_does_not_count(self):
        s = session()
        assert not any(s.refused("busy", "IN-USE", counts=False).close for _ in range(2 * MAX_FAILED_SIGN_INS))

    def test_strangers_get_few_mistakes(self):
        s = session()
        replies = [s.receive(b"GET / HTTP/1.1") for _ in range(MAX_BAD_COMMANDS)]
        assert [r.close for r in replies] == [False] * (MAX_BAD_COMMANDS - 1) + [True]

    def test_quit(self):
        assert session().receive(b"QUIT") == Send(b"+OK bye\r\n", close=True)


class TestTransaction:
    def test_stat_list_uidl(self, opened):
        assert say(opened, "STAT") == "+OK 3 600\r\n"
        assert say(opened, "LIST") == "+OK scan listing follows\r\n1 100\r\n2 200\r\n3 300\r\n.\r\n"
        assert say(opened, "LIST 2") == "+OK 2 200\r\n"
        assert say(opened, "UIDL") == "+OK unique ids follow\r\n1 77.3\r\n2 77.5\r\n3 77.9\r\n.\r\n"
        assert say(opened, "UIDL 3") == "+OK 3 77.9\r\n"

    def test_retr_and_top(self, opened):
        assert opened.receive(b"RETR 2") == Retrieve(5, 200)
        assert opened.receive(b"TOP 3 10") == Retrieve(9, 300, 10)

    @pytest.mark.parametrize(
        "line",
        ["RETR", "RETR 0", "RETR 4", "RETR -1", "RETR 1 2", "RETR x", "TOP 1", "TOP 1 -1", "TOP 1 2 3", "LIST 4", "LIST 1 2",
         "UIDL 0", "DELE", "DELE 99999999999", "USER x", "STLS", "AUTH PLAIN", "APOP a b"],
    )  # fmt: skip
    def test_refused(self, opened, line):
        assert say(opened, line).startswith("-ERR")
        assert opened.state is State.TRANSACTION

    def test_mistakes_do_not_end_a_signed_in_session(self, opened):
        assert not any(opened.receive(b"RETR 99").close for _ in range(5 * MAX_BAD_COMMANDS))

    def test_delete_and_commit(self, opened):
        assert say(opened, "DELE 2").startswith("+OK")
        assert say(opened, "DELE 2").startswith("-ERR")
        assert say(opened, "RETR 2").startswith("-ERR")
        assert say(opened, "STAT") == "+OK 2 400\r\n"
        assert say(opened, "LIST") == "+OK scan listing follows\r\n1 100\r\n3 300\r\n.\r\n"
        assert say(opened, "UIDL 2").startswith("-ERR")
        assert opened.receive(b"QUIT") == Commit((5,))
        assert opened.committed(complete=True) == Send(b"+OK bye\r\n", close=True)

    def test_reset_undoes(self, opened):
        say(opened, "DELE 1")
        say(opened, "RSET")
        assert say(opened, "STAT") == "+OK 3 600\r\n"
        assert opened.receive(b"QUIT") == Commit(())

    def test_incomplete_commit_is_told(self, opened):
        reply = opened.committed(complete=False)
        assert reply.data.startswith(b"-ERR [SYS/TEMP]")
        assert reply.close

    def test_nothing_after_quit(self, opened):
        opened.receive(b"QUIT")
        assert say(opened, "RETR 1").startswith("-ERR")

    def test_long_lists_come_in_pieces(self):
        count = 2 * ROWS_AT_ONCE + 5
        s = session()
        s.opened(Maildrop(1, 7, array("I", range(1, count + 1)), array("Q", [9] * count)))
        say(s, "DELE 2")
        found = s.receive(b"LIST")
        assert isinstance(found, Listing)
        pieces = list(found.pieces)
        assert max(piece.count(b"\n") for piece in pieces) <= ROWS_AT_ONCE
        lines = b"".join(pieces).decode().split("\r\n")
        assert lines[0].startswith("+OK")
        assert lines[1:-2] == [f"{n} 9" for n in range(1, count + 1) if n != 2]
        assert lines[-2:] == [".", ""]


class TestCapabilities:
    """RFC 2449: what is announced in which state."""

    def test_those_without_differences_are_the_same_in_both_states(self):
        s = session(plain_allowed=True)
        before = capa(s)
        s.opened(DROP)
        assert capa(s) == before
        assert before == {
            "TOP": "", "UIDL": "", "RESP-CODES": "", "AUTH-RESP-CODE": "", "PIPELINING": "", "USER": "", "STLS": "",
            "SASL": "SCRAM-SHA-256 PLAIN LOGIN OAUTHBEARER XOAUTH2", "UTF8": "USER", "LANG": "", "EXPIRE": "NEVER",
            "IMPLEMENTATION": "Posthouse",
        }  # fmt: skip

    def test_expire_is_the_shortest_of_all_and_then_ones_own(self):
        s = session()
        s.days = 5
        assert capa(s)["EXPIRE"] == "5 USER"
        s.opened(replace(DROP, days=30))
        assert capa(s)["EXPIRE"] == "30"

    def test_expire_of_one_whose_mail_stays(self):
        s = session()
        s.days = 5
        s.opened(DROP)
        assert capa(s)["EXPIRE"] == "NEVER"


class TestUtf8:
    """RFC 6856 §2."""

    def test_is_of_the_authorization_state(self, opened):
        s = session()
        assert say(s, "UTF8").startswith("+OK")
        assert s.utf8
        assert say(opened, "UTF8").startswith("-ERR")
        assert not opened.utf8

    def test_takes_nothing(self):
        s = session()
        assert say(s, "UTF8 USER").startswith("-ERR")
        assert not s.utf8

    def test_no_tls_after_it(self):
        s = session()
        say(s, "UTF8")
        assert say(s, "STLS").startswith("-ERR")

    def test_names_may_be_utf8(self):
        s = session()
        assert say(s, "USER zoë@example.org").startswith("+OK")
        assert s.receive("PASS größe".encode()) == SignIn(Claim("zoë@example.org", "größe"))
        assert s.receive(b"USER zo\xeb").data.startswith(b"-ERR")


class TestLanguage:
    """RFC 6856 §3."""

    def test_the_list(self, opened):
        for s in (session(), opened):
            lines = say(s, "LANG").split("\r\n")
            assert lines[1:] == ["en English", "zh-Hans 简体中文", "zh-Hant 繁體中文", ".", ""]

    def test_from_this_reply_on(self, opened):
        assert say(opened, "LANG zh-TW") == "+OK zh-Hant 語言已切換\r\n"
        assert say(opened, "DELE 1") == "+OK 第 1 封已刪除\r\n"
        assert say(opened, "DELE 1") == "-ERR 沒有這封郵件\r\n"
        assert say(opened, "STAT") == "+OK 2 500\r\n"
        assert say(opened, "LANG en-GB") == "+OK en language changed\r\n"
        assert say(opened, "DELE 1") == "-ERR no such message\r\n"

    def test_before_the_sign_in_too(self):
        s = session()
        say(s, "LANG zh")
        assert s.refused("sign-in failed", "AUTH").data.decode() == "-ERR [AUTH] 登录失败\r\n"
        assert s.opened(DROP).data.decode() == "+OK 3 封邮件（600 字节）\r\n"

    @pytest.mark.parametrize("wanted", ["MUL", "de", "x", "zh_TW", "-", "zh-", "e n", "\x7f", "en-" + "a" * 9])
    def test_what_is_not_spoken_changes_nothing(self, opened, wanted):
        say(opened, "LANG zh-Hans")
        assert say(opened, f"LANG {wanted}").startswith("-ERR ")
        assert say(opened, "RETR 9") == "-ERR 没有这封邮件\r\n"

    def test_the_servers_own(self, opened):
        say(opened, "LANG zh-Hans")
        assert say(opened, "LANG *") == "+OK en language changed\r\n"


LINES = st.one_of(
    st.binary(max_size=40),
    st.builds(
        lambda verb, rest: verb + b" " + rest,
        st.sampled_from(
            [
                b"USER",
                b"PASS",
                b"AUTH",
                b"RETR",
                b"TOP",
                b"DELE",
                b"LIST",
                b"UIDL",
                b"QUIT",
                b"RSET",
                b"STLS",
                b"CAPA",
                b"UTF8",
                b"LANG",
                b"STAT",
                b"NOOP",
            ]
        ),
        st.one_of(
            st.sampled_from([b"1", b"3", b"1 1", b"", b"PLAIN", b"PLAIN AGEAYg==", b"*", b"zh-Hant", b"en"]),
            st.binary(max_size=20),
        ),
    ),
)


@given(st.lists(LINES, max_size=30), st.booleans())
@settings(max_examples=200)
def test_any_dialogue(lines, signed_in):
    """No line raises; only QUIT in the transaction state deletes; every reply is +, -ERR or +OK."""
    s = session()
    if signed_in:
        s.opened(DROP)
    for line in lines:
        before = s.state
        action = receive(s, line)
        if isinstance(action, Commit):
            assert before is State.TRANSACTION
            assert line.upper().startswith(b"QUIT")
            return
        if isinstance(action, Send):
            assert action.data.startswith((b"+OK", b"-ERR", b"+ "))
            assert action.data.endswith(b"\r\n")
