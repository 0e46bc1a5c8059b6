"""Fails when a list grows. Whoever means it changes the number here, the version there, and says why in the commit."""

from webmail import sanitize_policy as policy


def test_the_lists_are_what_was_measured():
    assert len(policy.TAGS) == 59
    assert len(policy.ATTRIBUTES) == 18
    assert len(policy.CSS_PROPERTIES) == 74
    assert policy.VERSION == 1


def test_what_must_never_be_in_them():
    forbidden = "svg math style script form input button select textarea link meta base iframe object embed template noscript video audio picture source slot dialog"
    assert not policy.TAGS & set(forbidden.split())
    assert not policy.ATTRIBUTES & {
        "id",
        "name",
        "class",
        "background",
        "srcset",
        "target",
        "href",
        "src",
        "action",
        "on",
        "data-x",
    }
    assert not {
        p
        for p in policy.CSS_PROPERTIES
        if "image" in p
        or p in ("background", "content", "cursor", "position", "transform", "z-index", "list-style", "filter")
    }
    assert {"rgb", "rgba", "hsl", "hsla", "calc", "min", "max", "clamp"} == policy.CSS_FUNCTIONS
    assert {"http", "https", "mailto", "tel", "cid"} == policy.URL_SCHEMES
