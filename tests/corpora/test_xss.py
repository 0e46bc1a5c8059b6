"""The payloads of DOMPurify's own tests against each wall alone, in a real Chromium."""

import json
import re

import pytest

from tests.browser.walls import BATCH, stage
from tests.corpora.place import corpus
from tests.webmail.html_cases import SCRIPT, faults
from webmail.sanitize import TooNested, reduce, sanitise

pytestmark = pytest.mark.browser
WAIT = 400
ENTRIES = json.loads((corpus("xss-dompurify") / "expect.json").read_text("utf-8"))
# What a payload would do to show that it ran becomes something the harness hears.
BODIES = [re.sub(r"\balert\s*\(", f"{SCRIPT};(", entry["payload"]) for entry in ENTRIES]


@pytest.fixture(scope="module")
def shown():
    with stage(lambda _origin: BODIES) as made:
        yield made


def test_the_corpus_is_whole():
    assert len(BODIES) == 223


def test_only_the_lists_come_out_and_twice_is_once():
    for body in BODIES:
        try:
            assert faults(sanitise(body).html, rewritten=True) == [], body
            once = reduce(body)
        except TooNested:
            continue
        assert reduce(once) == once


def test_some_of_them_run_where_there_is_no_wall(shown):
    ran = 0
    for number, body in enumerate(BODIES):
        if "onerror" in body and ran < 3:
            ran += bool(shown.show(f"/stage/control/{number}", 150).scripts)
    assert ran


@pytest.mark.parametrize("first", range(0, len(BODIES), BATCH))
def test_the_sanitiser_alone_holds(shown, first):
    assert shown.show(f"/stage/wall1/{first}", WAIT).nothing, shown.seen


@pytest.mark.parametrize("first", range(0, len(BODIES), BATCH))
def test_the_frame_alone_holds(shown, first):
    assert shown.show(f"/stage/frames/{first}", WAIT * 3).nothing, shown.seen
