"""Every message of the corpora, and every hostile body of ours as a message: listed, opened, its parts and texts fetched."""

import re

import pytest

from tests.corpora.place import corpus
from tests.webmail.html_cases import cases, faults
from tests.webmail.mail_rooms import letter
from tests.webmail.views.mail_room import reading_room, signed_in

MESSAGES = sorted([*corpus("mime-stalwart").rglob("*.eml"), *corpus("mime-rubymail").rglob("*.eml")])


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    with reading_room(tmp_path_factory.mktemp("corpora")) as made:
        yield made


@pytest.fixture(scope="module")
def ann(room):
    return signed_in(room[1])


@pytest.fixture(scope="module")
def validity(room):
    mail = room[0].mail()
    found = mail.select("INBOX")
    mail.close()
    return found


def look(ann, path):
    answer = ann.client.get(path, headers={"HX-Request": "true"})
    assert answer.status_code == 200, (path, answer.status_code)
    return answer


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.name)
def test_a_message_is_opened_whole(room, ann, validity, path):
    raw = path.read_bytes()
    at = f"{validity}/{room[0].house.append(raw)}/INBOX"
    assert look(ann, f"/mail/raw/{at}?download=1").data == raw
    pane = look(ann, f"/mail/message/{at}").text
    for source in re.findall(r'<iframe [^>]*src="([^"]+)"', pane):
        body = look(ann, source.replace("&amp;", "&"))
        content = body.text.partition("</style></head><body>")[2].removesuffix("</body></html>")
        assert faults(content, rewritten=True) == []
    look(ann, f"/mail/message/{at}?plain=1")
    look(ann, f"/mail/headers/{at}")
    look(ann, f"/mail/print/{at}")
    for part in set(re.findall(r'href="(/mail/part/[^"?]+)"', pane)):
        look(ann, part.replace("&amp;", "&"))


def test_all_of_them_are_listed(ann):
    following = "/mail/box/INBOX?part=rows"
    seen = 0
    for _ in range(40):
        text = look(ann, following).text
        seen += text.count('<li class="row')
        more = re.search(r'data-more><a href="([^"]+)"', text)
        if more is None:
            break
        following = more[1].replace("&amp;", "&") + "&part=rows"
    assert seen > 60


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_hostile_body_by_every_way_it_can_be_read(room, ann, validity, case):
    """T035: pane, frame, plain text, paper and source."""
    at = f"{validity}/{room[0].house.append(letter(case.html[:200].replace(chr(10), ' '), case.html[:500], html=case.html))}/INBOX"
    for path in (f"/mail/message/{at}", f"/mail/message/{at}?plain=1", "/mail/box/INBOX?part=rows"):
        text = look(ann, path).text
        assert not re.search(r"<(?:script|svg onload|svg/onload|img src=x|img/src|iframe srcdoc|base|meta http)", text)
    for path in (f"/mail/body/{at}", f"/mail/print/{at}"):
        answer = look(ann, path)
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        content = answer.text.partition("</style></head><body>")[2].removesuffix("</body></html>")
        assert faults(content.partition("</dl>")[2] or content, rewritten=True) == []
