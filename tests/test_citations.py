"""The RFCs that the code cites and the index of what is followed say the same."""

import csv
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
INDEX = Path(__file__).parent / "rfc" / "index.tsv"
STATUSES = {"yes", "partial"}
CITED = re.compile(r"\bRFCs? (\d{3,4}(?:(?:, |-| and | to )\d{4}\b)*)")
"""`RFC 5321 §4.1`, `RFC 2045, 2046`, `RFC 2045-2047`; not the IMAP word RFC822.SIZE."""


def sources():
    yield ROOT / "app.py"
    for top in ("server", "fetcher", "webmail", "templates"):
        for path in (ROOT / top).rglob("*"):
            if path.suffix in (".py", ".js", ".html", ".css") and "build" not in path.parts:
                yield path


def numbers(text):
    """Every RFC that a text cites; a range cites all between its ends."""
    for cited in CITED.findall(text):
        for item in re.split(r", | and ", cited):
            first, _, last = item.replace(" to ", "-").partition("-")
            yield from range(int(first), int(last or first) + 1)


@pytest.fixture(scope="module")
def index():
    with INDEX.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def cited():
    found = {}
    for path in sources():
        for number in numbers(path.read_text()):
            found.setdefault(number, path.relative_to(ROOT))
    return found


def test_every_citation_is_in_the_index(index, cited):
    known = {int(row["rfc"]) for row in index}
    assert {number: str(path) for number, path in sorted(cited.items()) if number not in known} == {}


def test_what_is_said_to_be_followed_is_cited_where_it_is(index, cited):
    assert [row["rfc"] for row in index if row["status"] == "yes" and int(row["rfc"]) not in cited] == []


def test_the_index_is_in_order_and_says_how_far(index):
    order = [int(row["rfc"]) for row in index]
    assert order == sorted(set(order))
    assert {row["status"] for row in index} <= STATUSES
    assert [row["rfc"] for row in index if not (row["note"] or "").strip()] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RFC 9051 §6.3", [9051]),
        ("RFC 2045, 2046, 2183)", [2045, 2046, 2183]),
        ("RFC 5322, RFC 2045-2047, RFC 2387", [5322, 2045, 2046, 2047, 2387]),
        ("RFC 5321 §4.1 and RFC 5322", [5321, 5322]),
        ("RFC822.SIZE RFC 2033, 24 ports", [2033]),
    ],
)
def test_citations_are_read(text, expected):
    assert list(numbers(text)) == expected
