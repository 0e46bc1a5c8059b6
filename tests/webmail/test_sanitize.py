import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.webmail.html_cases import Reader, cases, faults
from webmail import sanitize_policy
from webmail.sanitize import Reading, TooNested, nesting, reduce, sanitise

CASES = cases()


def test_there_are_at_least_a_hundred_own_cases():
    assert len(CASES) >= 200
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_but_the_lists_comes_out(case):
    found = sanitise(case.html)
    assert faults(found.html, rewritten=True) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_reducing_twice_changes_nothing(case):
    once = reduce(case.html)
    assert faults(once, rewritten=False) == []
    assert reduce(once) == once


FRAGMENTS = st.lists(
    st.sampled_from(
        [
            "<p>", "</p>", "<a href=", "'javascript:x'", ">", "<b", " style='color:", "url(x)", "'", '"', "<!--", "-->", "<svg>", "<math>",
            "</style>", "<style>", "<table>", "<td>", "<img src=x ", "onerror=x", "&lt;", "&#x3c;", "script", "\x00", "\u200b", "<noscript>",
            "<title>", "]]>", "<![CDATA[", "\n", "a", "=", "/", "<template>", "<select>", "<xmp>", "cid:remote.0.0", "{{7*7}}",
        ]
    ),
    max_size=25,
).map("".join)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(FRAGMENTS)
def test_any_mixture_of_markup_is_safe_and_a_fixed_point(source):
    assert faults(sanitise(source).html, rewritten=True) == []
    once = reduce(source)
    assert reduce(once) == once


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_safe(source):
    assert faults(sanitise(source).html, rewritten=True) == []


def test_legitimate_mail_keeps_its_shape():
    source = (
        '<table width="600" cellpadding="0" bgcolor="#ffffff"><tr><td align="center" style="padding:10px;color:#333333">'
        '<h1>News</h1><p>Hello <b>there</b>, <a href="https://a.example/x?a=1&amp;b=2">read on</a>.</p></td></tr></table>'
    )
    found = sanitise(source)
    reader = Reader(found.html)
    assert [tag for tag, _ in reader.elements] == ["table", "tbody", "tr", "td", "h1", "p", "b", "a"]
    link = reader.elements[-1][1]
    assert link["href"] == "https://a.example/x?a=1&b=2"
    assert link["target"] == "_blank"
    assert link["rel"] == "noopener noreferrer nofollow"
    assert link["title"] == "a.example"
    assert found.coloured


def test_text_of_styles_and_scripts_is_not_shown():
    found = sanitise("<style>p{color:red}</style><title>T</title><script>var x</script><p>Text</p>")
    assert found.html == "<p>Text</p>"


def test_entities_are_not_read_twice():
    assert (
        sanitise("<p>&amp;lt;b&amp;gt; &lt;i&gt; a &amp; b</p>").html == "<p>&amp;lt;b&amp;gt; &lt;i&gt; a &amp; b</p>"
    )


def test_remote_images_are_taken_out_and_counted():
    found = sanitise(
        '<img src="https://a.example/1.png" alt="One"><img src="https://a.example/1.png"><img src="http://b.example/2.png">'
    )
    assert found.html == "One"
    assert found.remote == ("https://a.example/1.png", "http://b.example/2.png")
    assert found.trackers == 0


@pytest.mark.parametrize(
    "image",
    [
        '<img src="https://t.example/p" width="1" height="1">',
        '<img src="https://t.example/p" width=0>',
        '<img src="https://t.example/p" style="display:none">',
        '<img src="https://t.example/p" style="width:1px;height:1px">',
    ],
)
def test_trackers_stay_out_even_with_consent(image):
    found = sanitise(image, Reading(images={"https://t.example/p": "/mail/proxy/x"}))
    assert found.html == ""
    assert (found.trackers, found.remote) == (1, ())


def test_with_consent_an_image_comes_by_way_of_the_proxy():
    reading = Reading(images={"https://a.example/1.png?x=1&y=2": "/mail/proxy/abc?d=1&e=2"})
    found = sanitise(
        '<img alt="A" width="300" src="https://a.example/1.png?x=1&amp;y=2"><img src="https://b.example/">', reading
    )
    ((tag, attributes),) = Reader(found.html).elements
    assert (tag, attributes["src"]) == ("img", "/mail/proxy/abc?d=1&e=2")
    assert found.remote == ("https://b.example/",)


def test_images_of_the_message_itself_are_put_in():
    reading = Reading(inline={"logo@x": "data:image/png;base64,AAAA"})
    found = sanitise('<img src="cid:logo@x"><img src="cid:other@x" alt="Other">', reading)
    assert found.html == '<img src="data:image/png;base64,AAAA">Other'
    assert found.shown_inline == ("logo@x",)


def test_a_forged_placeholder_shows_nothing():
    source = '<img src="https://a.example/1.png"><img src="cid:remote.x.0">'
    found = sanitise(source, Reading(images={"https://a.example/1.png": "/mail/proxy/x"}))
    assert found.html.count("/mail/proxy/x") == 1


def test_images_from_data_addresses_are_not_taken_from_mail():
    assert sanitise('<img src="data:image/png;base64,AAAA" alt="x">').html == "x"


def test_a_link_says_where_it_leads_and_not_what_the_mail_wants():
    found = sanitise('<a href="https://evil.example/x" title="https://bank.example/">Log in</a>')
    assert Reader(found.html).elements[0][1]["title"] == "evil.example"


def test_a_link_that_claims_another_host_leads_to_the_question():
    found = sanitise('<a href="https://evil.example/"><b>https://bank.example</b></a>')
    assert Reader(found.html).elements[0][1]["href"].startswith("/mail/leave?to=https%3A%2F%2Fevil.example%2F&said=")


def test_too_deep_nesting_is_refused_before_the_slow_half():
    with pytest.raises(TooNested):
        sanitise("<div>" * (sanitize_policy.MAX_NESTING + 1))
    with pytest.raises(TooNested):
        reduce("<div>" * (sanitize_policy.MAX_NESTING + 1))
    assert sanitise("<div>" * 100).html.count("<div>") == 100


def test_nesting_counts_only_what_is_open():
    assert nesting("<p></p>" * 300 + "<img><br>" * 300 + "<div><b></b></div>") == 2


def test_a_body_over_the_limit_is_cut_and_says_so():
    found = sanitise("<p>" + "x" * 100 + "</p>", limit=50)
    assert found.cut
    assert found.html == "<p>" + "x" * 47 + "</p>"
    assert not sanitise("<p>x</p>").cut


def test_half_a_surrogate_pair_does_no_harm():
    assert sanitise("<p>a\ud800b</p>").html == "<p>a?b</p>"
    assert reduce("\udfff") == "?"
