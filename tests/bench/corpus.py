"""Deterministic synthetic mail: the same seed and index always give the same message bytes."""

import base64
import binascii
import random
from email.utils import formatdate

RARE_WORD = "zebrafinch"  # in the body of one message in RARE_EVERY
RARE_EVERY = 500
KNOWN_SENDER = "alice.quill@correspondent.test"  # From of one message in SENDER_EVERY
SENDER_EVERY = 100
FIRST_DATE = 1_600_000_000

_SYLLABLES = [
    "ba",
    "be",
    "bi",
    "bo",
    "da",
    "de",
    "di",
    "do",
    "fa",
    "fe",
    "ga",
    "ge",
    "ha",
    "he",
    "jo",
    "ka",
    "ke",
    "la",
    "le",
    "li",
    "lo",
    "ma",
    "me",
    "mi",
    "mo",
    "na",
    "ne",
    "no",
    "pa",
    "pe",
    "po",
    "ra",
    "re",
    "ri",
    "ro",
    "sa",
    "se",
    "si",
    "so",
    "ta",
    "te",
    "ti",
    "to",
    "va",
    "ve",
    "wa",
    "we",
    "za",
    "ze",
]
_WIDE_SUBJECTS = (
    "Отчёт за квартал",
    "会议记录和下一步",
    "Réunion déplacée à jeudi",
    "お知らせ：配送について",
    "Grüße aus Köln",
    "تقرير المشروع",
)

# (share of messages, kind, smallest size, largest size); sizes are decoded bytes
PROFILES = {
    "realistic": (
        (40, "plain", 2_000, 10_000),
        (40, "newsletter", 20_000, 60_000),
        (15, "attachment", 100_000, 500_000),
        (5, "attachment", 2_000_000, 5_000_000),
    ),
    # Every message about 20 kB on the wire: 8 kB of text, and the same kind of text as HTML.
    "fixed20k": ((100, "newsletter", 20_000, 20_000),),
    # A million of them fit in a few GB, and are there within the hour.
    "notes": ((100, "plain", 200, 900),),
    # Small enough that 100 000 messages fit in about 1 GB.
    "archive": ((70, "plain", 1_000, 4_000), (29, "newsletter", 8_000, 20_000), (1, "attachment", 100_000, 500_000)),
}


class Corpus:
    def __init__(self, profile="realistic", seed=1, domain="correspondent.test"):
        self.profile = PROFILES[profile]
        self.seed = seed
        self.domain = domain
        rng = random.Random(seed)
        self._words = sorted({"".join(rng.choices(_SYLLABLES, k=rng.randint(1, 4))) for _ in range(6000)})
        rng.shuffle(self._words)
        weights = [1 / (rank + 3) for rank in range(len(self._words))]
        self._paragraphs = [_wrap(rng.choices(self._words, weights, k=rng.randint(20, 90))) for _ in range(3000)]
        self._correspondents = [f"{rng.choice(self._words)}.{rng.choice(self._words)}@{domain}" for _ in range(200)]
        self._noise = base64.encodebytes(rng.randbytes(5_200_000)).replace(b"\n", b"\r\n")

    def message(self, index, recipient="reader@example.test", unique=""):
        """Message bytes with CRLF line ends; `unique` makes the Message-ID differ between runs."""
        rng = random.Random(self.seed * 1_000_003 + index)
        kind, size = self._kind_and_size(rng)
        headers = self._headers(rng, index, recipient, unique)
        text = self._text(rng, min(size, 8_000))
        if index % RARE_EVERY == RARE_EVERY // 2:
            text += f"\r\nThe {RARE_WORD} was here.\r\n"
        if kind == "plain":
            return self._single(headers, text)
        boundary = f"=_part_{self.seed}_{index}"
        if kind == "newsletter":
            return self._newsletter(rng, headers, text, size, boundary)
        return self._with_attachment(rng, headers, text, size, boundary)

    def _kind_and_size(self, rng):
        point = rng.uniform(0, sum(row[0] for row in self.profile))
        for share, kind, low, high in self.profile:
            point -= share
            if point <= 0:
                break
        return kind, rng.randint(low, high)

    def _headers(self, rng, index, recipient, unique):
        sender = KNOWN_SENDER if index % SENDER_EVERY == 7 else rng.choice(self._correspondents)
        subject = " ".join(rng.choices(self._words, k=rng.randint(3, 8)))
        if rng.random() < 0.1:
            subject = "=?utf-8?b?" + base64.b64encode(rng.choice(_WIDE_SUBJECTS).encode()).decode() + "?="
        lines = [
            f"Return-Path: <{sender}>",
            f"Received: from mx{rng.randint(1, 9)}.{self.domain} (mx.{self.domain} [192.0.2.{rng.randint(1, 250)}])"
            f"\r\n\tby relay.example.test with ESMTPS id {rng.getrandbits(48):012x}; {formatdate(FIRST_DATE + index * 60)}",
            f"Date: {formatdate(FIRST_DATE + index * 60 + rng.randint(-3600, 3600))}",
            f"From: {sender.split('@')[0].replace('.', ' ').title()} <{sender}>",
            f"To: <{recipient}>",
            f"Message-ID: <{self._message_id(index, unique)}>",
        ]
        if index and rng.random() < 0.3:
            parent = max(0, index - rng.randint(1, 40))
            lines.append(f"In-Reply-To: <{self._message_id(parent, unique)}>")
            lines.append(f"References: <{self._message_id(parent, unique)}>")
            subject = "Re: " + subject
        lines += [f"Subject: {subject}", "MIME-Version: 1.0", "X-Mailer: corpus"]
        return "\r\n".join(lines) + "\r\n"

    def _message_id(self, index, unique):
        return f"{index}.{self.seed}{unique}@{self.domain}"

    def _text(self, rng, size):
        paragraphs, length = [], 0
        while length < size:
            paragraph = rng.choice(self._paragraphs)
            paragraphs.append(paragraph)
            length += len(paragraph) + 4
        return "\r\n\r\n".join(paragraphs) + "\r\n"

    def _single(self, headers, text):
        return (
            headers + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" + text
        ).encode()

    def _newsletter(self, rng, headers, text, size, boundary):
        rows, length = [], 0
        while length < size - len(text):
            row = (
                f'<tr><td style="padding:12px;font:14px/20px Arial,sans-serif;color:#333333">'
                f'<a href="https://news.example.test/{rng.getrandbits(32):x}">{rng.choice(self._paragraphs)}'
                f"</a></td></tr>"
            )
            rows.append(row)
            length += len(row)
        html = '<html><body><table width="600">\r\n' + "\r\n".join(rows) + "\r\n</table></body></html>\r\n"
        return b"".join(
            (
                headers.encode(),
                f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'
                f"--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
                f"--{boundary}\r\nContent-Type: text/html; charset=utf-8\r\n"
                f"Content-Transfer-Encoding: quoted-printable\r\n\r\n".encode(),
                binascii.b2a_qp(html.encode()),
                f"\r\n--{boundary}--\r\n".encode(),
            )
        )

    def _with_attachment(self, rng, headers, text, size, boundary):
        encoded_size = size * 78 // 57
        start = rng.randrange(0, max(1, len(self._noise) - encoded_size)) // 78 * 78
        return b"".join(
            (
                headers.encode(),
                f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n'
                f"--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
                f'--{boundary}\r\nContent-Type: application/pdf; name="report.pdf"\r\n'
                f'Content-Disposition: attachment; filename="report.pdf"\r\n'
                f"Content-Transfer-Encoding: base64\r\n\r\n".encode(),
                self._noise[start : start + encoded_size // 78 * 78],
                f"--{boundary}--\r\n".encode(),
            )
        )


def _wrap(words, width=76):
    lines, line = [], ""
    for word in words:
        if line and len(line) + len(word) >= width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return "\r\n".join([*lines, line])
