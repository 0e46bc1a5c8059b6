"""The document inside the frame: the second wall around mail HTML. Pure.

What arrives here has passed the sanitiser and is put between a head and a foot of ours, unchanged. The response headers hold
even if the first wall fails and even if someone opens the address by itself (security.md section 3 steps 5 and 6).
"""

from html import escape

SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
"""No allow-scripts, no allow-same-origin."""
THEMES = ("light", "dark", "auto")

_BASE = """
:root{color-scheme:light}
html{overflow-wrap:break-word;-webkit-text-size-adjust:100%}
body{margin:0;padding:2px 0 8px;background:#fff;color:#182024;font:14px/1.6 -apple-system,BlinkMacSystemFont,"Segoe UI",Inter,Roboto,
"Noto Sans","PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}
:lang(zh){line-height:1.75}
img{max-width:100%;height:auto}
table{max-width:100%}
pre{white-space:pre-wrap}
a{color:#0f677c}
blockquote{margin:8px 0 8px 0;padding-left:12px;border-left:2px solid #c5ced1;color:#434e53}
p:first-child{margin-top:0}
@media (max-width:370px){body{font-size:16px}}
@media (max-width:640px){table:is([width^="5"],[width^="6"],[width^="7"]):not([width$="%"]){width:100%!important}
td:is([width^="5"],[width^="6"],[width^="7"]):not([width$="%"]){width:auto!important}}
"""
"""Newsletters are tables of 500 to 799 pixels; in a frame narrower than that they give way instead of being cut."""
_DARK = """
:root{color-scheme:dark}
body{background:#161c1e;color:#e7ebec}
a{color:#67bfd2}
blockquote{border-color:#425055;color:#bcc5c8}
"""
_PRINT = """
body{max-width:760px;margin:0 auto;padding:24px}
h1{font:600 20px/28px inherit;margin:0 0 12px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 12px;margin:0 0 16px;padding:0 0 16px;border-bottom:1px solid #c5ced1;font-size:13px}
dt{color:#5c676c}dd{margin:0}
.text{white-space:pre-wrap}
"""


def policy(origin: str) -> str:
    """The Content-Security-Policy of the frame. The proxy is named by its path: 'self' would open the whole application."""
    return (
        f"sandbox {SANDBOX}; default-src 'none'; img-src data: {origin}/mail/proxy/; style-src 'unsafe-inline'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
    )


def headers(origin: str) -> dict[str, str]:
    """Every header that makes the second wall."""
    return {
        "Content-Security-Policy": policy(origin),
        "Content-Type": "text/html; charset=utf-8",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "Cache-Control": "no-store",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
    }


def page(content: str, *, language: str = "", theme: str = "light") -> str:
    """The whole document around safe markup.

    Args:
        content: What the sanitiser gave.
        language: The page's language, for the shapes of Chinese characters.
        theme: `light` for mail that brings its own colours; else as the page is.
    """
    style = _BASE
    if theme == "dark":
        style += _DARK
    elif theme == "auto":
        style += f"@media (prefers-color-scheme:dark){{{_DARK}}}"
    return _document(content, style, language, "")


def printed(content: str, *, title: str, fields: list[tuple[str, str]], language: str = "") -> str:
    """A message on paper: its head, escaped, over its safe markup."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in fields if value)
    return _document(f"<h1>{escape(title)}</h1><dl>{rows}</dl>{content}", _BASE + _PRINT, language, title)


def _document(content: str, style: str, language: str, title: str) -> str:
    return (
        f'<!doctype html><html lang="{escape(language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body>{content}</body></html>"
    )
