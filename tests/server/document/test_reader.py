from server.document.kind import Kind
from server.document.limits import AT_ONCE, Limits
from server.document.reader import read
from tests.fakes.documents import odt

SMALL = Limits(octets=1 << 20, member_octets=1 << 20, unpacked_octets=1 << 20, elements=1000, characters=10)


def test_plain_text_in_the_character_sets_of_files():
    for octets in ("Grüße 合同".encode(), "Grüße 合同".encode("utf-16"), "\ufeffGrüße 合同".encode()):
        assert read(Kind.PLAIN, octets, AT_ONCE).text == "Grüße 合同"
    assert read(Kind.PLAIN, "这是合同的全文".encode("gbk"), AT_ONCE).text == "这是合同的全文"


def test_html_without_its_markup():
    assert read(Kind.HTML, b"<p>one<b>two</b></p><script>no</script>", AT_ONCE).text == "onetwo"


def test_no_more_than_asked_for():
    found = read(Kind.OPEN_DOCUMENT, odt("0123456789abcdef"), SMALL)
    assert (found.text, found.whole) == ("0123456789", False)
    assert read(Kind.PLAIN, b"x" * 100, SMALL).text == "x" * 10


def test_a_document_over_the_bound_is_not_looked_at():
    found = read(Kind.PLAIN, b"x" * (AT_ONCE.octets + 1), AT_ONCE)
    assert (found.text, found.whole) == ("", False)
