from tests.webmail.test_structure import HTML, LOGO, PDF, PLAIN, multipart, read
from webmail.body import Form, choose

CALENDAR = b'("TEXT" "CALENDAR" ("METHOD" "REQUEST") NIL NIL "7BIT" 300 9 NIL NIL NIL NIL)'
REPORT = b'("MESSAGE" "DELIVERY-STATUS" NIL NIL NIL "7BIT" 300 NIL NIL NIL NIL)'
FILE = b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" 30 1 NIL ("ATTACHMENT" ("FILENAME" "notes.txt")) NIL NIL)'
SIGNATURE = b'("APPLICATION" "PGP-SIGNATURE" NIL NIL NIL "7BIT" 300 NIL NIL NIL NIL)'


def body(*arguments):
    return choose(read(multipart(*arguments)))


def paths(parts):
    return [part.path for part in parts]


def test_alternatives_are_two_forms_of_one_text():
    found = body(b"ALTERNATIVE", PLAIN, HTML)
    assert [(form.text.path, form.html.path) for form in found.forms] == [("1", "2")]
    assert found.attachments == ()


def test_related_images_belong_to_the_html():
    found = body(b"RELATED", HTML, LOGO)
    assert found.forms == (Form(html=found.forms[0].html),)
    found = body(b"ALTERNATIVE", PLAIN, multipart(b"RELATED", HTML, LOGO))
    assert (found.forms[0].text.path, found.forms[0].html.path) == ("1", "2.1")
    assert paths(found.inline) == ["2.2"]
    assert paths(found.attachments) == ["2.2"]


def test_texts_in_a_row_are_all_shown():
    found = body(b"MIXED", PLAIN, LOGO, HTML, PLAIN)
    assert [(form.text.path if form.text else None, form.html.path if form.html else None) for form in found.forms] == [
        ("1", None),
        (None, "3"),
        ("4", None),
    ]
    assert paths(found.attachments) == ["2"]


def test_a_text_that_is_a_file_is_a_file():
    found = body(b"MIXED", PLAIN, FILE)
    assert len(found.forms) == 1
    assert paths(found.attachments) == ["2"]


def test_a_signed_message_shows_what_was_signed():
    found = body(b"SIGNED", multipart(b"MIXED", PLAIN, PDF), SIGNATURE)
    assert [form.text.path for form in found.forms] == ["1.1"]
    assert paths(found.attachments) == ["1.2"]


def test_invitations_and_reports_have_a_place_of_their_own():
    found = body(b"ALTERNATIVE", PLAIN, CALENDAR)
    assert found.calendar.path == "2"
    assert found.attachments == ()
    found = body(b"REPORT", PLAIN, REPORT)
    assert found.report.path == "2"
    assert found.attachments == ()


def test_only_an_attachment():
    found = choose(read(PDF))
    assert found.forms == ()
    assert paths(found.attachments) == ["1"]


def test_the_number_of_texts_is_bounded():
    assert len(body(b"MIXED", *[PLAIN] * 100).forms) == 20
