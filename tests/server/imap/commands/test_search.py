import asyncio

import pytest

from server.store import sort as store_sort
from tests.fakes.documents import letter_with, pdf
from tests.fakes.imap_house import message


async def house_of_ten(house):
    for number in range(10):
        house.append(message(f"Letter {number}", message_id=f"<{number}@example.org>"))
    return await house.signed_in(mailbox="INBOX")


async def test_a_page_is_asked_of_the_store_as_a_page(house, monkeypatch):
    client = await house_of_ten(house)
    asked = []
    real = store_sort.sort

    def watch(*args, **options):
        asked.append(options)
        return real(*args, **options)

    monkeypatch.setattr(store_sort, "sort", watch)
    assert await client.ok("UID SORT RETURN (PARTIAL 3:4 COUNT) (REVERSE SUBJECT) UTF-8 ALL") == [
        b'* ESEARCH (TAG "t3") UID COUNT 10 PARTIAL (3:4 8,7)'
    ]
    assert asked == [{"offset": 2, "limit": 2}]


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ("PARTIAL 1:3", b"PARTIAL (1:3 10,9,8)"),
        ("PARTIAL 9:20", b"PARTIAL (9:20 2,1)"),
        ("PARTIAL 11:20", b"PARTIAL (11:20 NIL)"),
        ("PARTIAL -1:-2", b"PARTIAL (-1:-2 2,1)"),
        ("PARTIAL 1:2 MIN MAX", b"MIN 10 MAX 1 PARTIAL (1:2 10,9)"),
        ("COUNT", b"COUNT 10"),
        ("ALL", b"ALL 10,9,8,7,6,5,4,3,2,1"),
    ],
)
async def test_windows_of_a_sort(house, options, answer):
    client = await house_of_ten(house)
    assert await client.ok(f"SORT RETURN ({options}) (REVERSE SUBJECT) UTF-8 ALL") == [
        b'* ESEARCH (TAG "t3") ' + answer
    ]


async def test_a_page_of_a_selection_counts_the_selection(house):
    client = await house_of_ten(house)
    await client.ok("UID STORE 2,5,9 +FLAGS.SILENT (\\Flagged)")
    assert await client.ok("UID SORT RETURN (PARTIAL 1:2 COUNT) (REVERSE SUBJECT) UTF-8 FLAGGED") == [
        b'* ESEARCH (TAG "t4") UID COUNT 3 PARTIAL (1:2 9,5)'
    ]


async def test_modseq_in_a_sort(house):
    client = await house_of_ten(house)
    where, line = await client.ok("SORT (SUBJECT) UTF-8 MODSEQ 10")
    assert line == b"* SORT 9 10 (MODSEQ 11)"
    assert where == b"* OK [HIGHESTMODSEQ 11] Highest"  # RFC 7162 §3.1.2: the first command that asks for them
    (line,) = await client.ok("SORT RETURN (PARTIAL 1:1) (SUBJECT) UTF-8 MODSEQ 10")
    assert line == b'* ESEARCH (TAG "t4") PARTIAL (1:1 9) MODSEQ 11'


async def test_modseq_of_the_ends_alone(house):
    """RFC 7162 §3.1.10: who asks for MIN or MAX alone is told the mod-sequence of that message."""
    client = await house_of_ten(house)
    await client.ok("ENABLE CONDSTORE")
    await client.ok("UID STORE 2 +FLAGS.SILENT (\\Flagged)")
    for asked, answer in (
        ("MIN", b"MIN 1 MODSEQ 2"),
        ("MAX", b"MAX 10 MODSEQ 11"),
        ("MIN MAX", b"MIN 1 MAX 10 MODSEQ 11"),
        ("MIN COUNT", b"MIN 1 COUNT 10 MODSEQ 12"),
        ("ALL", b"ALL 1:10 MODSEQ 12"),
    ):
        (line,) = await client.ok(f"SEARCH RETURN ({asked}) MODSEQ 1")
        assert line.endswith(answer), line


async def test_a_thread_as_a_tree(house):
    def reply(number, *to):
        refs = " ".join(f"<{n}@example.org>" for n in to)
        house.append(
            message(
                f"Re: x{number}",
                message_id=f"<{number}@example.org>",
                references=refs,
                date=f"Sun, 1 Nov 2026 12:{number:02}:00 +0000",
            )
        )

    house.append(message("x", message_id="<1@example.org>", date="Sun, 1 Nov 2026 12:00:00 +0000"))
    reply(2, 1)
    reply(3, 1, 2)
    reply(4, 1, 2)
    house.append(message("alone", message_id="<5@example.org>", date="Sun, 1 Nov 2026 13:00:00 +0000"))
    client = await house.signed_in(mailbox="INBOX")
    assert await client.ok("THREAD REFERENCES UTF-8 ALL") == [b"* THREAD (1 2 (3)(4))(5)"]
    assert await client.ok("UID THREAD REFERENCES UTF-8 UNSEEN 1,5") == [b"* THREAD (1)(5)"]
    assert await client.ok("THREAD REFERENCES UTF-8 FLAGGED") == [b"* THREAD"]


async def test_a_failed_search_saves_nothing(house):
    client = await house_of_ten(house)
    await client.ok("SEARCH RETURN (SAVE) 1:3")
    assert (await client.ask("SEARCH RETURN (SAVE) CHARSET X-NONE ALL"))[1].startswith(b"NO [BADCHARSET")
    assert await client.ok("SEARCH RETURN (COUNT) $") == [b'* ESEARCH (TAG "t5") COUNT 0']
    await client.ok("SEARCH RETURN (SAVE MAX) ALL")
    assert await client.ok("FETCH $ (UID)") == [b"* 10 FETCH (UID 10)"]
    await client.ok("SEARCH RETURN (SAVE PARTIAL 2:3) ALL")
    assert await client.ok("UID SEARCH $") == [b"* SEARCH 2 3"]


@pytest.mark.parametrize(
    "command", ["SEARCH 1:4294967295", "UID SEARCH UID 1:4294967295", "SEARCH 1:*,1:4294967295,4:2"]
)
async def test_enormous_sets(house, command):
    """security T118."""
    client = await house_of_ten(house)
    assert await client.ok(command) == [b"* SEARCH 1 2 3 4 5 6 7 8 9 10"]


async def house_of_greetings(house):
    for subject, text in (("Hello", "a letter"), ("x", "I need help"), ("y", "nothing"), ("z", "Helo, helo")):
        house.append(message(subject, text, message_id=f"<{subject}@example.org>"))
    return await house.signed_in(mailbox="INBOX")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        # RFC 6203 §4 and §6: its examples, with our scores.
        ("SEARCH FUZZY TEXT Helo", b"* SEARCH 1 2 4"),
        ("SEARCH RETURN (RELEVANCY ALL) FUZZY TEXT Helo", b'* ESEARCH (TAG "t3") ALL 1:2,4 RELEVANCY (31 1 70)'),
        ("UID SEARCH RETURN (RELEVANCY) FUZZY TEXT Helo", b'* ESEARCH (TAG "t3") UID RELEVANCY (31 1 70)'),
        ("SORT (RELEVANCY) UTF-8 FUZZY TEXT Helo", b"* SORT 4 1 2"),
        ("SORT (REVERSE RELEVANCY) UTF-8 FUZZY TEXT Helo", b"* SORT 2 1 4"),
        (
            "SORT RETURN (RELEVANCY ALL) (RELEVANCY) UTF-8 FUZZY TEXT Helo",
            b'* ESEARCH (TAG "t3") ALL 4,1:2 RELEVANCY (70 31 1)',
        ),
        # RFC 9394: the scores are of the page.
        (
            "UID SORT RETURN (RELEVANCY PARTIAL 2:3) (RELEVANCY) UTF-8 FUZZY TEXT Helo",
            b'* ESEARCH (TAG "t3") UID PARTIAL (2:3 1:2) RELEVANCY (31 1)',
        ),
        ("SORT RETURN (PARTIAL 1:1) (RELEVANCY) UTF-8 FUZZY TEXT Helo", b'* ESEARCH (TAG "t3") PARTIAL (1:1 4)'),
        ("SEARCH RETURN (RELEVANCY ALL COUNT) FUZZY TEXT qqqq", b'* ESEARCH (TAG "t3") COUNT 0'),
        ("SEARCH RETURN (RELEVANCY) FUZZY SMALLER 1000000", b'* ESEARCH (TAG "t3") RELEVANCY (100 100 100 100)'),
        ("SEARCH 2:* FUZZY TEXT Helo", b"* SEARCH 2 4"),
        ("SEARCH FUZZY (TEXT Helo NOT TEXT helo)", b"* SEARCH 1 2"),
        ("THREAD REFERENCES UTF-8 FUZZY SUBJECT Helo", b"* THREAD (1)"),
    ],
)
async def test_fuzzy(house, command, answer):
    client = await house_of_greetings(house)
    assert await client.ok(command) == [answer]


@pytest.mark.parametrize(
    "command",
    [
        "SEARCH RETURN (RELEVANCY) TEXT x",
        "SORT (RELEVANCY) UTF-8 TEXT x",
        "SORT RETURN (RELEVANCY) (ARRIVAL) UTF-8 ALL",
        "SEARCH FUZZY",
        "SEARCH FUZZY TEXT",
    ],
)
async def test_relevancy_is_of_a_fuzzy_search_alone(house, command):
    client = await house_of_greetings(house)
    assert (await client.ask(command))[-1].startswith(b"BAD")


async def test_a_fuzzy_result_can_be_saved(house):
    client = await house_of_greetings(house)
    assert await client.ok("SEARCH RETURN (SAVE RELEVANCY MIN) FUZZY TEXT Helo") == [
        b'* ESEARCH (TAG "t3") MIN 1 RELEVANCY (31 1 70)'
    ]
    assert await client.ok("SEARCH $") == [b"* SEARCH 1 2 4"]


async def test_an_appended_pdf_is_found_by_its_words(house):
    client = await house.signed_in(mailbox="INBOX")
    raw = letter_with(("application/pdf", "报告.pdf", pdf("Quarterly figures 季度报告")))
    await client.ok(f"APPEND INBOX {{{len(raw)}+}}\r\n".encode() + raw)
    await client.ok("NOOP")
    assert await client.ok('SEARCH TEXT "see the attachment"') == [b"* SEARCH 1"]
    for words in ("quarterly figures", "季度", "报告"):
        asked = f"SEARCH CHARSET UTF-8 BODY {{{len(words.encode())}+}}\r\n{words}".encode()
        async with asyncio.timeout(90):
            while await client.ok(asked) != [b"* SEARCH 1"]:
                await asyncio.sleep(0.05)
