import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.accounts import pop3_choice
from server.accounts.directory import open_database
from server.accounts.pop3_choice import DEFAULT, Choice, ChoiceInvalid, Choices, Deleted, Retention
from tests.fakes.clock import FakeClock


def put(directory, account, choice, now=1_000):
    directory.write_now(lambda w: pop3_choice.put(w, account, choice, now=now))


def of(directory, account):
    return directory.read_now(lambda r: pop3_choice.of(r, account))


def test_whoever_chose_nothing_has_the_default(directory):
    assert of(directory, 1) == DEFAULT == Choice("INBOX", "", Deleted.REMOVED, None)


@pytest.mark.parametrize(
    "choice",
    [Choice("Lists/dev", "", Deleted.TRASH, None), Choice("INBOX", "$Important", Deleted.ARCHIVE, 30), Choice(days=1)],
)
def test_a_choice_is_kept_and_changed(directory, choice):
    put(directory, 1, choice)
    assert of(directory, 1) == choice
    assert of(directory, 2) == DEFAULT
    put(directory, 1, DEFAULT)
    assert of(directory, 1) == DEFAULT


@pytest.mark.parametrize(
    "choice",
    [
        Choice(days=0), Choice(days=-1), Choice(days=pop3_choice.MOST_DAYS + 1), Choice(label="two words"),
        Choice(label="ü"), Choice(label="a" * 101), Choice(label="\\Seen"), Choice(mailbox=""), Choice(mailbox="a\nb"),
        Choice(mailbox="a" * 1_001),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(directory, choice):
    with pytest.raises(ChoiceInvalid):
        put(directory, 1, choice)
    assert of(directory, 1) == DEFAULT


def test_days_count_from_when_they_were_switched_on(directory):
    put(directory, 1, Choice(days=30), now=1_000)
    put(directory, 1, Choice(days=5), now=2_000)
    put(directory, 2, Choice(label="x"), now=3_000)
    assert directory.read_now(pop3_choice.retentions) == {1: Retention(5, 1_000)}
    put(directory, 1, Choice(), now=4_000)
    assert directory.read_now(pop3_choice.retentions) == {}
    put(directory, 1, Choice(days=5), now=5_000)
    assert directory.read_now(pop3_choice.retentions) == {1: Retention(5, 5_000)}


def test_off_and_on_again_with_another_choice_kept(directory):
    put(directory, 1, Choice(label="x", days=5), now=1_000)
    put(directory, 1, Choice(label="x"), now=2_000)
    put(directory, 1, Choice(label="x", days=5), now=3_000)
    assert directory.read_now(pop3_choice.retentions) == {1: Retention(5, 3_000)}


async def test_the_shortest_of_all_is_looked_up_now_and_then(directory):
    clock = FakeClock()
    choices = Choices(directory.database, clock)
    assert await choices.shortest() is None
    put(directory, 1, Choice(days=30))
    put(directory, 2, Choice(days=7))
    assert await choices.shortest() is None
    clock.advance(pop3_choice.FRESH)
    assert await choices.shortest() == 7
    assert await choices.of(1) == Choice(days=30)


def test_an_installation_from_before_gets_the_table(tmp_path):
    database = open_database(tmp_path / "directory.db")
    database.write(lambda w: w.raw("DROP TABLE pop3_choice"))
    database.write(lambda w: w.raw("DELETE FROM schema_version WHERE owner = 'pop3_choice'"))
    database.close()
    database = open_database(tmp_path / "directory.db")
    assert database.read(lambda r: pop3_choice.of(r, 1)) == DEFAULT
    database.close()


@given(st.text(max_size=120))
def test_a_label_is_an_atom(label):
    found = pop3_choice._LABEL.fullmatch(label)
    assert found is None or (label.isascii() and not set(label) & set(' \t\r\n"()%*\\{]'))
