from webmail.sanitize import sanitise
from webmail.sanitize_height import LEAST, MOST


def height(source):
    return sanitise(source).height


def test_more_text_is_taller():
    one, ten = height("<p>word</p>"), height("<p>" + "word " * 1000 + "</p>")
    assert LEAST <= one < 200
    assert 1_000 < ten < 3_000


def test_cells_of_a_row_stand_beside_each_other():
    cell = "<td><p>" + "word " * 200 + "</p></td>"
    beside = height(f"<table><tr>{cell}{cell}{cell}</tr></table>")
    below = height(f"<table><tr>{cell}</tr><tr>{cell}</tr><tr>{cell}</tr></table>")
    assert beside < below / 2


def test_wide_characters_count_double():
    assert height("<p>" + "字" * 2000 + "</p>") > height("<p>" + "a" * 2000 + "</p>") * 1.5


def test_it_has_bounds():
    assert height("") == LEAST
    assert height("<br>" * 5000) == MOST


def test_lists_and_breaks():
    assert height("<ul>" + "<li>x</li>" * 30 + "</ul>") > 600
    assert height("x<br>" * 30) > 600
