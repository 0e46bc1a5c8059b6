import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.mail.build import Attachment
from webmail import draft as drafts
from webmail.draft import Draft, DraftInvalid, Original, Source, Stamp
from webmail.envelope import Person

STAMP = Stamp(datetime(2026, 11, 24, 9, tzinfo=UTC), "one@ours.test", "Anna Berg")
ANNA, BEN, CARL = Person("Anna", "anna@ours.test"), Person("Ben Ode", "ben@far.test"), Person("", "carl@far.test")
PLAIN = Draft("anna@ours.test", to=("ben@far.test",), subject="Hello", body="<div>Hi</div>")
LINE_ENDS = ("\r\n", "\n", "\r", "\v", "\f", "\x85", "\u2028", "\u2029", "\x1c", "\x00")


def as_it_is(html):
    return html


def parsed(raw):
    return email.message_from_bytes(raw, policy=email.policy.default)


def names(raw):
    return [name.lower() for name in parsed(raw)]


def source(**more):
    given = {
        "sender": BEN,
        "reply_to": (),
        "to": (ANNA, CARL),
        "cc": (Person("Dora", "dora@far.test"),),
        "subject": "Plans",
        "message_id": "3@far.test",
        "references": ("1@far.test", "2@far.test"),
        "body": "<p>old</p>",
        "introduction": "On Monday <Ben> wrote:",
    }
    return Source(**(given | more))


def test_a_letter_is_what_was_written():
    made = drafts.letter(
        replace(PLAIN, to=("Ben Ode <ben@far.test>",), cc=('"Ode, Carl" <carl@far.test>',), subject="Größe 计划"),
        STAMP,
        as_it_is,
    )
    assert made.recipients == ("ben@far.test", "carl@far.test")
    message = parsed(made.raw)
    assert message["From"] == "Anna Berg <anna@ours.test>"
    assert message["To"] == "Ben Ode <ben@far.test>"
    assert message["Cc"].addresses[0].display_name == "Ode, Carl"
    assert message["Subject"] == "Größe 计划"
    assert message["Message-ID"] == "<one@ours.test>"
    assert message.get_body(("plain",)).get_content().strip() == "Hi"
    assert "<div>Hi</div>" in message.get_body(("html",)).get_content()
    assert made.copy == made.raw


def test_every_line_of_a_letter_ends_as_the_wire_wants_it():
    raw = drafts.letter(replace(PLAIN, body="<pre>a\rb\nc\r\nd\n.\n" + "x" * 3000 + "</pre>"), STAMP, as_it_is).raw
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998


@pytest.mark.parametrize("end", LINE_ENDS)
def test_no_text_starts_a_header_field(end):
    """T084: in each field that a person fills in."""
    evil = f"x{end}Bcc: eve@evil.test{end}{end}<b>body</b>"
    raw = drafts.letter(replace(PLAIN, subject=evil), replace(STAMP, sender_name=evil), as_it_is).raw
    assert "bcc" not in names(raw)
    assert names(raw).count("subject") == 1
    for field in ("to", "cc", "bcc"):
        for value in (
            f"ben@far.test{end}Bcc: eve@evil.test",
            f"Ben{end}Bcc: eve@evil.test <ben@far.test>",
            f"ben@far.test{end}RCPT TO:<eve@evil.test>",
        ):
            with pytest.raises(DraftInvalid) as refused:
                drafts.letter(replace(PLAIN, **{field: (value,)}), STAMP, as_it_is)
            assert refused.value.field == field
    with pytest.raises(DraftInvalid):
        drafts.letter(replace(PLAIN, sender=f"anna@ours.test{end}Bcc: eve@evil.test"), STAMP, as_it_is)


@pytest.mark.parametrize("end", LINE_ENDS)
def test_what_is_answered_starts_no_header_field_either(end):
    """The original's subject, names and ids were decoded from somebody else's mail."""
    evil = f"x{end}Bcc: eve@evil.test"
    begun = drafts.answer(
        source(subject=evil, sender=Person(evil, "ben@far.test")), "all", ("anna@ours.test",), "anna@ours.test"
    )
    assert end not in begun.subject
    kept = drafts.saved(begun, STAMP, as_it_is)
    assert "bcc" not in names(kept)


@given(st.text(max_size=120), st.text(max_size=60))
def test_any_subject_and_name_is_one_field(subject, name):
    raw = drafts.letter(replace(PLAIN, subject=subject), replace(STAMP, sender_name=name), as_it_is).raw
    head = raw.partition(b"\r\n\r\n")[0]
    starts = [line.partition(b":")[0].lower() for line in head.split(b"\r\n") if line[:1] not in (b" ", b"\t")]
    assert sorted(set(starts)) == sorted(
        [b"date", b"from", b"to", b"subject", b"message-id", b"mime-version", b"content-type"]
    )
    assert len(starts) == len(set(starts))


def test_joined_letters_of_a_subject_stay_joined():
    family = "👨‍👩‍👧 می‌خواهم"
    assert parsed(drafts.letter(replace(PLAIN, subject=family), STAMP, as_it_is).raw)["Subject"] == family


def test_blind_recipients_stand_in_no_copy_but_the_writers_own():
    """T090."""
    made = drafts.letter(replace(PLAIN, bcc=("Eve <eve@far.test>", "ben@far.test")), STAMP, as_it_is)
    assert made.recipients == ("ben@far.test", "eve@far.test")
    assert b"eve" not in made.raw.lower()
    assert "bcc" not in names(made.raw)
    assert parsed(made.copy)["Bcc"] == "Eve <eve@far.test>, ben@far.test"
    assert made.copy.endswith(made.raw)
    assert parsed(drafts.saved(replace(PLAIN, bcc=("eve@far.test",)), STAMP, as_it_is))["Bcc"] == "eve@far.test"


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"to": ()}, "to", "empty"),
        ({"to": ("  ",)}, "to", "empty"),
        ({"to": ("ben",)}, "to", "address"),
        ({"to": ("ben@far",)}, "to", "address"),
        ({"to": ("ben@far.test, eve@evil.test",)}, "to", "address"),
        ({"to": ("<ben@far.test> <eve@evil.test>",)}, "to", "address"),
        ({"cc": ("ben@far.test>",)}, "cc", "address"),
        ({"bcc": ("@far.test",)}, "bcc", "address"),
        ({"to": tuple(f"p{n}@far.test" for n in range(101))}, "to", "many"),
        ({"subject": "x" * 901}, "subject", "long"),
        ({"sender": "nobody"}, "sender", "address"),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_named(change, field, reason):
    with pytest.raises(DraftInvalid) as refused:
        drafts.letter(replace(PLAIN, **change), STAMP, as_it_is)
    assert (refused.value.field, refused.value.reason) == (field, reason)


def test_a_hundred_recipients_are_not_too_many():
    made = drafts.letter(replace(PLAIN, to=tuple(f"p{n}@far.test" for n in range(100))), STAMP, as_it_is)
    assert len(made.recipients) == 100


def test_what_is_no_address_yet_is_kept_with_the_draft():
    begun = replace(PLAIN, to=("ben@far.test", "half an", "ödön"), cc=("a=b c%",), bcc=("x" * 500,))
    kept = parsed(drafts.saved(begun, STAMP, as_it_is))
    assert kept["To"] == "ben@far.test"
    found = drafts.unfinished(kept[drafts.UNFINISHED_FIELD])
    assert found == {"to": ("half an", "ödön"), "cc": ("a=b c%",), "bcc": ("x" * drafts.UNFINISHED_LIMIT,)}
    assert drafts.UNFINISHED_FIELD not in parsed(drafts.saved(PLAIN, STAMP, as_it_is))


@given(st.text(max_size=300))
def test_any_field_of_a_stored_draft_can_be_read(value):
    assert set(drafts.unfinished(value)) == {"to", "cc", "bcc"}


def test_body_is_cleaned_on_its_way_out():
    raw = drafts.letter(replace(PLAIN, body="<script>x</script>"), STAMP, lambda _: "<div>clean</div>").raw
    assert b"script" not in raw
    assert b"clean" in raw


def test_attachments_are_the_same_octets_under_the_same_name():
    """T042."""
    data = bytes(range(256)) * 100
    sent = ("Größe 计划.pdf", 'quo"te.txt', "semi; filename=evil.exe", "x" * 200 + ".bin")
    files = [Attachment(name, "application/pdf", data) for name in sent]
    message = parsed(drafts.letter(PLAIN, replace(STAMP, files=files), as_it_is).raw)
    attached = list(message.iter_attachments())
    assert [part.get_filename() for part in attached] == list(sent)
    assert {part.get_payload(decode=True) for part in attached} == {data}


def test_a_reply_goes_to_the_sender_and_into_the_thread():
    made = drafts.answer(source(), "reply", ("anna@ours.test",), "anna@ours.test")
    assert (made.to, made.cc) == (("Ben Ode <ben@far.test>",), ())
    assert made.subject == "Re: Plans"
    assert made.in_reply_to == "3@far.test"
    assert made.references == ("1@far.test", "2@far.test", "3@far.test")
    assert "&lt;Ben&gt;" in made.body
    assert made.body.endswith("<blockquote><p>old</p></blockquote>")
    sent = parsed(drafts.letter(made, STAMP, as_it_is).raw)
    assert sent["In-Reply-To"] == "<3@far.test>"
    assert sent["References"] == "<1@far.test> <2@far.test> <3@far.test>"


def test_a_reply_to_all_names_everybody_else_once():
    made = drafts.answer(
        source(cc=(BEN, CARL, ANNA, Person("Dora", "dora@far.test"))), "all", ("ANNA@ours.test",), "anna@ours.test"
    )
    assert made.to == ("Ben Ode <ben@far.test>",)
    assert made.cc == ("carl@far.test", "Dora <dora@far.test>")


def test_reply_to_counts_before_the_sender():
    made = drafts.answer(source(reply_to=(CARL,)), "reply", (), "anna@ours.test")
    assert made.to == ("carl@far.test",)


def test_answering_oneself_writes_to_the_same_people():
    made = drafts.answer(source(sender=ANNA, to=(BEN,)), "reply", ("anna@ours.test",), "anna@ours.test")
    assert made.to == ("Ben Ode <ben@far.test>",)


def test_an_answer_leaves_from_the_address_that_was_written_to():
    mine = ("anna@ours.test", "shop@ours.test")
    made = drafts.answer(source(to=(Person("", "Shop@ours.test"),)), "reply", mine, "anna@ours.test")
    assert made.sender == "shop@ours.test"
    assert drafts.answer(source(to=()), "reply", mine, "anna@ours.test").sender == "anna@ours.test"


def test_a_forward_begins_a_thread_of_its_own():
    made = drafts.answer(source(), "forward", (), "anna@ours.test")
    assert (made.to, made.cc, made.in_reply_to, made.references) == ((), (), "", ())
    assert made.subject == "Fwd: Plans"
    assert "<blockquote>" not in made.body


@pytest.mark.parametrize(
    ("subject", "mode", "wanted"),
    [
        ("Re: x", "reply", "Re: x"),
        ("RE : x", "reply", "RE : x"),
        ("回复：x", "reply", "回复：x"),
        ("Report", "reply", "Re: Report"),
        ("Re: x", "forward", "Fwd: Re: x"),
        ("FW: x", "forward", "FW: x"),
        ("", "reply", "Re: "),
    ],
)
def test_prefixes_do_not_pile_up(subject, mode, wanted):
    assert drafts.answer(source(subject=subject), mode, (), "a@b.test").subject == wanted


def test_a_long_thread_keeps_its_root_and_its_end():
    chain = tuple(f"{n}@far.test" for n in range(200))
    kept = drafts.answer(source(references=chain, message_id="last@far.test"), "reply", (), "a@b.test").references
    assert len(kept) == drafts.REFERENCES_LIMIT
    assert (kept[0], kept[-1]) == ("0@far.test", "last@far.test")


@pytest.mark.parametrize(
    "person",
    [Person("", "a@b.test"), Person("Ann", "a@b.test"), Person('Ann "The" O\\Neil', "a@b.test"), Person("Berg, Ann (home)", "a@b.test"), Person("李雷", "a@b.test")],
)  # fmt: skip
def test_a_person_in_a_field_is_read_as_that_person(person):
    found = drafts.address_of(drafts.written(person))
    assert found.addr_spec == person.email
    assert found.name == person.name.replace('"', "").replace("\\", "")


def test_text_as_markup_says_the_same():
    assert drafts.text_as_html("a <b>\r\n\r\n& c") == "<div>a &lt;b&gt;</div><div><br></div><div>&amp; c</div>"


def test_an_original_is_a_value():
    assert Original("reply", "INBOX", 1, 2) == Original("reply", "INBOX", 1, 2)
