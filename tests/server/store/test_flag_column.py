from server.store import expunge, flag_column, messages
from tests.fakes.mail_account import MailAccount, letter


def test_the_column_says_what_the_rows_say(account: MailAccount):
    for n, flags in enumerate([(), ("\\Seen",), ("a", "B"), ("\\Deleted", "\\Seen", "z"), ("\\Draft",), ("a",)]):
        account.append(letter(f"Letter {n}"), flags=flags)
    account.append(letter("elsewhere"), box="Sent", flags=["\\Flagged"])
    account.write(lambda w: expunge.remove(w, 1, [2]))
    rows = account.read(lambda r: messages.flags(r, 1, range(2, 6)))
    column = account.read(lambda r: flag_column.read(r, 1, 2, 5, modseqs=True))
    assert [flag_column.decode(item) for item in column.items] == [flags for _, flags, _ in rows]
    assert [int(mark) for mark in column.modseqs] == [modseq for _, _, modseq in rows]
    assert account.read(lambda r: flag_column.read(r, 1, 3, 3)).modseqs == []


def test_an_empty_run(account: MailAccount):
    assert account.read(lambda r: flag_column.read(r, 1, 1, 9, modseqs=True)) == flag_column.FlagColumn([], [])
