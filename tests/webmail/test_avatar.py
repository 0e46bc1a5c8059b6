import pytest

from webmail import avatar
from webmail.envelope import Person


@pytest.mark.parametrize(
    ("name", "email", "text", "square"),
    [
        ("Mara Lindqvist", "mara@x.example", "ML", False),
        ("陈立", "chen@x.example", "陈", False),
        ("The Slow Page", "hello@slowpage.example", "SP", True),
        ("南山书店", "orders@x.example", "南", True),
        ("Nordbahn GmbH", "anna@x.example", "NG", True),
        ("", "noreply@x.example", "NE", True),
        ("Iris", "invoice+12@x.example", "I", True),
        ("Newton", "isaac@x.example", "N", False),
        ("", "", "?", False),
        ("<b>", "x@y.example", None, False),
    ],
)
def test_people_are_round_and_organisations_square(name, email, text, square):
    found = avatar.of(Person(name, email))
    assert found.square is square
    if text is not None:
        assert found.text == text


def test_bounces_have_a_picture_of_their_own():
    assert avatar.of(Person("Mail delivery", "MAILER-DAEMON@x.example")).icon == "mail-x"


def test_the_hue_stays_with_the_address():
    assert avatar.of(Person("A", "a@x.example")).hue == avatar.of(Person("Another name", "a@x.example")).hue
    assert avatar.of(None).text == "?"
    assert avatar.of(Person("陈立", "c@x.example")).wide
