import pytest

from tests.webmail.mail_rooms import PNG, letter, rooms
from webmail import letter_html, message, sanitize
from webmail.letter_html import LetterCache, Shown
from webmail.sanitize import Sanitised


class InProcess:
    """The sanitiser without its process."""

    def __init__(self):
        self.readings = []

    def sanitise(self, html, reading):
        self.readings.append(reading)
        return sanitize.sanitise(html, reading)


class Overdue:
    def sanitise(self, html, reading):
        return None


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with rooms(tmp_path_factory.mktemp("letters")) as made:
        yield made


@pytest.fixture
def mail(place):
    made = place.mail()
    yield made
    made.close()


def make(place, mail, raw, cleaner, **options):
    uid = place.house.append(raw)
    found = message.open_letter(mail, "INBOX", mail.select("INBOX"), uid)
    return letter_html.make(mail, found, found.body.forms[0], cleaner, **options)


def test_only_images_that_are_named_are_fetched_and_put_in(place, mail):
    cleaner = InProcess()
    html = "<img src='cid:a@x'><img src='cid:%62@x'><img src='cid:fake@x'>"
    made = make(
        place,
        mail,
        letter("Inline", html=html, inline=[("a@x", PNG), ("unused@x", PNG), ("fake@x", b"<svg/>")]),
        cleaner,
    )
    assert set(cleaner.readings[0].inline) == {"a@x"}
    assert made.safe.html.count("data:image/png;base64,") == 1


def test_images_beyond_the_room_stay_files(place, mail, monkeypatch):
    monkeypatch.setattr(letter_html, "MAX_INLINE", len(PNG) + 10)
    cleaner = InProcess()
    make(
        place,
        mail,
        letter("Two", html="<img src='cid:a@x'><img src='cid:b@x'>", inline=[("a@x", PNG), ("b@x", PNG)]),
        cleaner,
    )
    assert len(cleaner.readings[0].inline) == 1


def test_remote_images_are_signed_only_with_consent(place, mail):
    raw = letter("Remote", html="<img src='https://t.example/1.png'>")
    assert make(place, mail, raw, InProcess()).safe.html.strip() == ""
    assert (
        make(place, mail, raw, InProcess(), sign=lambda url: f"/mail/proxy/{len(url)}").safe.html.strip()
        == '<img src="/mail/proxy/23">'
    )


def test_what_cannot_be_made_safe_in_time_is_its_text(place, mail):
    assert make(place, mail, letter("Both", "plain words\n", html="<p>rich</p>"), Overdue()) == Shown(
        None, "plain words\r\n"
    )
    only_html = letter("Html", html="<p>rich <b>words</b><script>x</script></p>").replace(
        b"multipart/alternative", b"multipart/mixed"
    )
    uid = place.house.append(only_html)
    found = message.open_letter(mail, "INBOX", mail.select("INBOX"), uid)
    (form,) = [form for form in found.body.forms if form.html]
    assert "rich words" in " ".join(letter_html.make(mail, found, form, Overdue()).text.split())


def test_a_text_without_html_is_just_that(place, mail):
    assert make(place, mail, letter("Plain", "words\n"), InProcess()) == Shown(None, "words\r\n")


def test_documents_are_kept_by_person_message_form_and_consent(monkeypatch):
    keys = {
        letter_html.key(*words)
        for words in (
            (1, "INBOX", 5, 7, 0, ""),
            (2, "INBOX", 5, 7, 0, ""),
            (1, "x", 5, 7, 0, ""),
            (1, "INBOX", 6, 7, 0, ""),
            (1, "INBOX", 5, 8, 0, ""),
            (1, "INBOX", 5, 7, 1, ""),
            (1, "INBOX", 5, 7, 0, "20000"),
            (1, "INBOX/5", 7, 0, 0, ""),
        )
    }
    assert len(keys) == 8
    monkeypatch.setattr(letter_html.sanitize_policy, "VERSION", 77)
    assert letter_html.key(1, "INBOX", 5, 7, 0, "") not in keys


def test_the_least_used_is_forgotten_first():
    cache = LetterCache(octets=30)
    for name in "abc":
        cache.put(name, Shown(Sanitised("x" * 10)))
    assert cache.get("a")
    cache.put("d", Shown(None, "y" * 10))
    assert cache.get("b") is None
    assert cache.get("a")
    cache.put("a", Shown(None, "z" * 5))
    assert cache.get("a").text == "zzzzz"
    cache.put("huge", Shown(None, "y" * 100))
    assert cache.get("huge") is None
