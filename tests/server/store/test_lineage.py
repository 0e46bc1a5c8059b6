from server.mail import header
from server.store import lineage, schemas
from server.store.fold import hash_of
from server.store.prepare import prepare
from tests.fakes.mail_account import MailAccount, letter


def ids_of(*names: str | None) -> bytes:
    return b"".join([(0 if name is None else hash_of(name)).to_bytes(lineage.ID, "big") for name in names])


def of(raw: bytes, base: str = "x", *, is_reply: bool = False) -> tuple[int, bytes]:
    return lineage.of(header.split(raw)[0], base, is_reply=is_reply)


def test_what_is_kept_of_a_message():
    assert prepare(letter("Re: [l] Plan", message_id="1@x", references=["a@x", "b@x"])).lineage == (
        -hash_of("plan"),
        ids_of("1@x", "a@x", "b@x"),
    )
    assert prepare(letter("")).lineage == (0, ids_of(None))


def test_which_ids_count():
    """RFC 5256 §3."""
    assert of(b"Message-ID: none\r\nIn-Reply-To: words <a@x> <b@x>\r\n\r\n")[1] == ids_of(None, "a@x")
    assert of(b"References: <c@x>\r\n <d@x>\r\nIn-Reply-To: <a@x>\r\n\r\n")[1] == ids_of(None, "c@x", "d@x")
    assert of(b"References: none\r\nIn-Reply-To: <a@x>\r\n\r\n")[1] == ids_of(None, "a@x")
    assert of(b"References: <a@x> <b@x> <a@x>\r\n\r\n")[1] == ids_of(None, "a@x", "b@x", "a@x")


def test_a_long_list_is_cut_in_the_middle():
    names = [f"{n}@x" for n in range(lineage.REFERENCES + 50)]
    raw = b"References:" + "".join(f"\r\n <{name}>" for name in names).encode() + b"\r\n\r\n"
    assert of(raw)[1] == ids_of(None, names[0], *names[51:])


def test_mail_of_before_there_was_the_table(tmp_path):
    account = MailAccount(tmp_path)
    account.append(letter("Plan", message_id="1@x"))
    account.append(letter("Re: Plan", message_id="2@x", references=["0@x", "1@x"]))
    account.append(letter(""))

    def back(w):
        w.raw("DROP TABLE lineage")
        w.raw("DELETE FROM schema_version WHERE owner = 'lineage'")

    account.write(back)
    account.close()
    account = MailAccount(tmp_path)
    rows = account.read(lambda r: r.raw("SELECT subject, ids FROM lineage ORDER BY content_id").fetchall())
    assert rows == [
        (hash_of("plan"), ids_of("1@x")),
        (-hash_of("plan"), ids_of("2@x", "1@x")),
        (0, ids_of(None)),
    ]
    assert account.verify() == []
    account.close()


def test_it_is_among_the_tables_of_an_account():
    assert lineage.SCHEMA in schemas.account_schemas(1)
