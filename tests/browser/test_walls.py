"""The own hostile corpus against each wall alone, in a real Chromium: 0 scripts, 0 requests."""

import pytest

from tests.browser.walls import BATCH, stage
from tests.webmail.html_cases import cases

pytestmark = pytest.mark.browser
WAIT = 250


@pytest.fixture(scope="module")
def shown():
    with stage(lambda origin: [case.html for case in cases(origin)]) as made:
        yield made


def test_the_harness_sees_what_it_is_there_to_see(shown):
    """Without a wall, some of the same bodies do run and do load: a blind harness would pass everything."""
    names = [case.name for case in cases()]
    seen = shown.show(f"/stage/control/{names.index('direct: onerror')}", WAIT)
    assert seen.scripts
    seen = shown.show(f"/stage/control/{names.index('remote: image')}", WAIT)
    assert seen.requests
    seen = shown.show(f"/stage/control/{names.index('css: background image')}", WAIT)
    assert seen.requests


@pytest.mark.parametrize("first", range(0, len(cases()), BATCH))
def test_the_sanitiser_alone_holds(shown, first):
    seen = shown.show(f"/stage/wall1/{first}", WAIT)
    assert seen.nothing, seen


@pytest.mark.parametrize("first", range(0, len(cases()), BATCH))
def test_the_frame_alone_holds(shown, first):
    seen = shown.show(f"/stage/frames/{first}", WAIT * 3)
    assert not seen.scripts
    assert not seen.dialogs
    assert not seen.requests, seen.requests


def test_clicks_in_the_raw_frame_lead_nowhere_but_to_new_windows(shown):
    """Links of unsanitised mail: nothing runs and the page around the frame stays where it is."""
    names = [case.name for case in cases()]
    for name in ("url: javascript link", "url: data link", "phish: target top", "url: form action", "url: formaction"):
        shown.show(f"/stage/frames/{names.index(name)}", WAIT)
        before = shown.page.url
        frame = shown.page.frames[1]
        target = frame.locator("a, input[type=submit], button").first
        target.click(timeout=2000, no_wait_after=True)
        shown.page.wait_for_timeout(200)
        assert not shown.seen.scripts
        assert shown.page.url == before


def test_the_frame_stays_closed_when_opened_by_itself(shown):
    """The header holds without the attribute of the frame."""
    names = [case.name for case in cases()]
    for name in ("direct: script element", "direct: onerror", "remote: image", "direct: meta refresh"):
        seen = shown.show(f"/stage/wall2/{names.index(name)}", WAIT)
        assert not seen.scripts
        assert not seen.requests
