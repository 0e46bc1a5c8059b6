"""What templates are given for every page: icons out of the sprite, texts of the visitor's language, moments in words."""

from datetime import UTC, datetime

import pytest
from flask import g, render_template_string
from flask_babel import force_locale

from webmail.jinja_filters import long_time

CHINESE = {"Accept-Language": "zh-CN"}


@pytest.fixture
def render(app):
    def rendered(source, *, headers=None, **values):
        with app.test_request_context("/mail/sign-in", headers=headers):
            g.session = None
            return render_template_string(source, **values)

    return rendered


def test_an_icon_is_a_reference_into_the_sprite(render):
    drawn = render('{% from "_partials/icon.html" import icon %}{{ icon("archive") }}{{ icon("star", 18, "star on") }}')
    first, second = drawn.split("</svg>")[:2]
    assert first.startswith('<svg class="ico" aria-hidden="true" focusable="false"><use href="/mail/static/build/icons')
    assert first.endswith('#i-archive"/>')
    assert second.startswith('<svg class="ico l star on"')
    assert '#i-star"/>' in second


def test_an_icon_cannot_leave_its_attribute(render):
    assert '"x' not in render('{% from "_partials/icon.html" import icon %}{{ icon(name) }}', name='"x')


def test_texts_are_of_the_language_that_is_asked_for(render):
    assert render('{{ _("Sign in") }}') == "Sign in"
    chinese = render('{{ _("Sign in") }}', headers=CHINESE)
    assert not chinese.isascii()
    assert render('{{ _("Sign in") }}{{ _("Sign in") }}', headers=CHINESE) == chinese * 2


def test_what_is_put_into_a_text_is_escaped(render):
    assert render('{{ _("100%% for %(who)s", who=name) }}', name="<b>") == "100% for &lt;b&gt;"


def test_a_moment_is_told_in_each_language_and_zone(app):
    moment = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
    with app.test_request_context("/mail/sign-in"):
        g.session = None
        english = long_time(moment)
        with force_locale("zh_Hans"):
            assert long_time(moment) != english
        assert long_time(moment) == english
    assert english.startswith("Tuesday 24 November 2026")
