"""The allow-lists of mail HTML: what may stay. Pure data; `tests/webmail/test_sanitize_policy.py` fails when they grow.

Changing anything here changes `VERSION`, which is part of every cache key (security.md section 3, T005).
"""

VERSION = 1

TAGS = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "address",
        "b",
        "bdo",
        "big",
        "blockquote",
        "br",
        "caption",
        "center",
        "cite",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "dfn",
        "dir",
        "div",
        "dl",
        "dt",
        "em",
        "font",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "tt",
        "u",
        "ul",
        "var",
    ]
)
"""No svg, math, style, form or control, link, meta, base, frame, object, template, noscript: mXSS needs one of them."""

CONTENT_REMOVED = frozenset(
    ["script", "style", "title", "template", "noscript", "iframe", "object", "textarea", "xmp", "noembed", "noframes"]
)
"""Removed with what they hold, so that no style sheet is read as text (T009)."""

ATTRIBUTES = frozenset(
    [
        "align",
        "valign",
        "bgcolor",
        "style",
        "width",
        "height",
        "border",
        "cellpadding",
        "cellspacing",
        "dir",
        "lang",
        "title",
        "color",
        "face",
        "size",
        "colspan",
        "rowspan",
        "alt",
    ]
)
"""On every element. Never id, name, class (T025), background or srcset (T017), target, data-*."""

CSS_PROPERTIES = frozenset(
    [
        "background-color",
        "border",
        "border-bottom",
        "border-bottom-color",
        "border-bottom-left-radius",
        "border-bottom-right-radius",
        "border-bottom-style",
        "border-bottom-width",
        "border-collapse",
        "border-color",
        "border-left",
        "border-left-color",
        "border-left-style",
        "border-left-width",
        "border-radius",
        "border-right",
        "border-right-color",
        "border-right-style",
        "border-right-width",
        "border-spacing",
        "border-style",
        "border-top",
        "border-top-color",
        "border-top-left-radius",
        "border-top-right-radius",
        "border-top-style",
        "border-top-width",
        "border-width",
        "caption-side",
        "clear",
        "color",
        "direction",
        "display",
        "empty-cells",
        "float",
        "font",
        "font-family",
        "font-size",
        "font-stretch",
        "font-style",
        "font-variant",
        "font-weight",
        "height",
        "letter-spacing",
        "line-height",
        "list-style-position",
        "list-style-type",
        "margin",
        "margin-bottom",
        "margin-left",
        "margin-right",
        "margin-top",
        "max-height",
        "max-width",
        "min-height",
        "min-width",
        "overflow-wrap",
        "padding",
        "padding-bottom",
        "padding-left",
        "padding-right",
        "padding-top",
        "table-layout",
        "text-align",
        "text-decoration",
        "text-indent",
        "text-transform",
        "unicode-bidi",
        "vertical-align",
        "white-space",
        "width",
        "word-break",
        "word-spacing",
        "word-wrap",
    ]
)
"""None of these takes an image, and none takes text out of its place (T010, T015)."""

CSS_FUNCTIONS = frozenset({"rgb", "rgba", "hsl", "hsla", "calc", "min", "max", "clamp"})
"""A value that calls anything else is dropped: url(), image-set(), src(), var(), attr(), env() and what is yet to come (T011)."""

LINK_SCHEMES = ("https://", "http://", "mailto:", "tel:")
URL_SCHEMES = frozenset({"http", "https", "mailto", "tel", "cid"})

MAX_HTML = 2 * 2**20
MAX_NESTING = 200
MAX_STYLE = 4_096
MAX_CSS_BRACKETS = 40
