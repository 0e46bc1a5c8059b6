"""RFC 5256 §2.1."""

import pytest

from server.mail import subject


@pytest.mark.parametrize(
    ("text", "base", "reply"),
    [
        ("", "", False),
        ("Hello", "Hello", False),
        ("Re: Hello", "Hello", True),
        ("re:re: RE :Hello", "Hello", True),
        ("Fwd: Re: Hello", "Hello", True),
        ("fw: Hello", "Hello", True),
        ("Re[2]: Hello", "Hello", True),
        ("Re [2] : Hello", "Hello", True),
        ("[list] Hello", "Hello", False),
        ("[a] [b] Hello", "Hello", False),
        ("Re: [list] Hello", "Hello", True),
        ("[list] Re: Hello", "Hello", True),
        ("Hello (fwd)", "Hello", True),
        ("Hello (FWD) (fwd) ", "Hello", True),
        ("[Fwd: Hello]", "Hello", True),
        ("[fwd: [FWD: Re: Hello] ]", "Hello", True),
        ("Re: [Fwd: Hello (fwd)]", "Hello", True),
        ("[only a blob]", "[only a blob]", False),
        ("Re: [only a blob]", "[only a blob]", True),
        ("Re:", "", True),
        ("Regarding: x", "Regarding: x", False),
        ("A: Re: x", "A: Re: x", False),
        ("  two   spaces\t here ", "two spaces here", False),
        ("回复：你好", "回复：你好", False),
        ("[fwd: open", "[fwd: open", False),
    ],
)
def test_base_subject(text, base, reply):
    assert subject.analyse(text) == (base, reply)
    assert subject.base(text) == base
    assert subject.is_reply(text) is reply


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", ["re:", "[a]", "[", "]", "re[", "(fwd)", "[fwd:", "re [a", " ", "re ", "fwd: ["])
def test_a_megabyte_of_anything_is_read_at_once(piece):
    assert len(subject.base(piece * (1_000_000 // len(piece)))) <= 4_096
