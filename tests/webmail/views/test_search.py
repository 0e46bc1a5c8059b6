import pytest

from tests.webmail.mail_rooms import letter
from tests.webmail.views.mail_room import reading_room, signed_in


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    with reading_room(tmp_path_factory.mktemp("search")) as (rooms, app):
        rooms.house.append(letter("The long table", "Oak or ash\n"))
        rooms.house.append(letter("旅行", "机票已经订好\n"), "Archive")
        yield rooms, app


@pytest.fixture(scope="module")
def ann(room):
    return signed_in(room[1])


def test_results_with_marks(ann):
    page = ann.get("/mail/search?q=table")
    assert "The long <mark>table</mark>" in page.text
    assert "1 found" in page.text
    assert "<mark>机票</mark>" in ann.get("/mail/search?q=机票").text
    assert "<html" not in ann.piece("/mail/search?q=table").text


def test_nothing_found_and_nothing_asked(ann):
    assert "Nothing found" in ann.get("/mail/search?q=elephant").text
    assert "What are you looking for?" in ann.get("/mail/search").text
    assert "Search all mail" in ann.get("/mail/search?q=table&in=Archive").text


@pytest.mark.parametrize(
    "q",
    [
        "<img src=x onerror=alert(1)>",
        "{{7*7}}",
        '"',
        "((",
        "%0d%0aX1 LOGOUT",
        "%00",
        "a" * 3000,
        "from:<b>",
        "in:../../etc",
        "' OR '1'='1",
        "\u202e",
    ],
)
def test_hostile_queries_are_text(ann, q):
    for path in ("search", "suggest"):
        page = ann.get(f"/mail/{path}", query_string={"q": q})
        assert page.status_code == 200
        assert "<img src=x" not in page.text
        assert ">49<" not in page.text


def test_suggestions(ann):
    text = ann.get("/mail/suggest?q=has").text
    assert "has:attachment" in text.replace("<b>", "").replace("</b>", "")
    text = ann.get("/mail/suggest?q=table").text
    assert "<mark>table</mark>" in text
    assert ann.get("/mail/suggest").status_code == 200


def test_results_go_on_page_by_page(room, ann):
    for number in range(55):
        room[0].house.append(letter(f"Zebra {number}", "stripes\n"))
    first = ann.piece("/mail/search?q=zebra")
    assert first.text.count('<li class="row') == 50
    assert "55 found" in first.text
    following = first.text.partition('data-more><a href="')[2].partition('"')[0].replace("&amp;", "&")
    second = ann.piece(f"{following}&part=rows")
    assert second.text.count('<li class="row') == 5
    assert "data-more" not in second.text
    assert "data-list-head" not in second.text
    assert ann.get("/mail/search?q=zebra&offset=-5").status_code == 200
    assert ann.get("/mail/search?q=zebra&offset=99999999999999999999").status_code == 200


def test_a_folder_of_somebody_else_is_searched_where_one_stands(room):
    room[0].house.share("Recipes", "lr")
    room[0].house.append(letter("Soup", "Carrots and ginger\n"), "Recipes")
    bob = signed_in(room[1], "bob")
    assert "Nothing found" in bob.get("/mail/search?q=ginger").text
    page = bob.get("/mail/search?q=ginger&in=Other Users/ann@example.org/Recipes").text
    assert "<mark>ginger</mark>" in page
    assert page.count('aria-current="true">Recipes</a>') == 1
    named = 'in:"Other Users/ann@example.org/Recipes" ginger'
    assert "<mark>ginger</mark>" in bob.client.get("/mail/search", query_string={"q": named}).text
