"""The hostile bodies of tests/messages/html, and what is asked of any sanitised document."""

from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from webmail import sanitize_policy

FOLDER = Path(__file__).resolve().parent.parent / "messages" / "html"
SCRIPT = "console.log('SCRIPT-RAN')"
STRANGER = "https://stranger.example"


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    html: str


def cases(origin: str = "http://127.0.0.1:9") -> list[Case]:
    """Every own case; `origin` is our application's address, which must not be called either."""
    found = []
    for path in sorted(FOLDER.glob("*.txt")):
        for block in path.read_text("utf-8").split("=== ")[1:]:
            name, _, body = block.partition("\n")
            body = body.replace("RUN", SCRIPT).replace("REMOTE", STRANGER).replace("ORIGIN", origin)
            found.append(Case(f"{path.stem}: {name}", body.rstrip("\n")))
    return found


class Reader(HTMLParser):
    """Collects elements and attributes of a document that was written by a serialiser."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.elements.append(("#comment", {}))

    def handle_decl(self, decl):
        self.elements.append(("#declaration", {}))


def faults(markup: str, *, rewritten: bool) -> list[str]:
    """What a sanitised document must not hold."""
    found = []
    ours = {"a": {"href", "target", "rel"} if rewritten else {"href"}, "img": {"src"}}
    for tag, attributes in Reader(markup).elements:
        if tag not in sanitize_policy.TAGS:
            found.append(f"element {tag}")
        for name, value in attributes.items():
            if name not in sanitize_policy.ATTRIBUTES | ours.get(tag, set()):
                found.append(f"attribute {tag} {name}")
            lowered = value.lower()
            if name == "href" and not lowered.startswith(
                ("https://", "http://", "mailto:", "tel:", "/mail/leave?", "/mail/compose?")
            ):
                found.append(f"link {value[:60]}")
            if name == "src" and not lowered.startswith(("data:image/", "/mail/proxy/") if rewritten else "cid:"):
                found.append(f"image {value[:60]}")
            if name == "style" and any(
                word in lowered for word in ("url(", "image", "var(", "position", "\\", "expression")
            ):
                found.append(f"style {value[:60]}")
    return found
