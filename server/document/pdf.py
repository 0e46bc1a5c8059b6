"""Words of a PDF (ISO 32000), page by page, by pypdf. Only for the process that reads documents.

Whatever a page raises costs that page. An encrypted file is read when it opens without a password, as most do.
"""

import io
import re
from collections.abc import Iterator

from pypdf import PdfReader

from server.document.limits import Limits
from server.mail.scripts import CJK

# A page breaks Chinese and Japanese lines anywhere, and sets characters one by one: what stands between two is no space.
_GAP = re.compile(f"(?<=[{CJK}])\\s+(?=[{CJK}])")


def pieces(octets: bytes, limits: Limits) -> Iterator[tuple[str, bool]]:
    """Yield the text of what the file says of itself and of each page, and True; at the end False when pages are left."""
    try:
        reader = PdfReader(io.BytesIO(octets), strict=False)
        count = len(reader.pages)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  damage shows as any exception at all, and leaves nothing to read
        return
    yield _properties(reader), True
    for number in range(min(count, limits.pages)):
        try:
            text = reader.pages[number].extract_text()
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001, S112  see above; the next page may be sound
            continue
        yield _GAP.sub("", text), True
    if count > limits.pages:
        yield "", False


def _properties(reader: PdfReader) -> str:
    try:
        said = reader.metadata
        found = (said.title, said.author, said.subject, said.keywords) if said is not None else ()
        return "\n".join(str(value) for value in found if value)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  see above
        return ""
