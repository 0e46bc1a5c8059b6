"""Mail that comes in series: newsletters, bills, orders, notices of machines, and spam, with HTML as such senders write it."""

from collections.abc import Iterator
from dataclasses import dataclass

Person = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Notice:
    """One machine-written message; `html` may be empty, `age` is hours before now."""

    who: Person
    subject: str
    age: float
    text: str
    html: str = ""
    mailbox: str = "INBOX"
    seen: bool = True
    labels: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    inline: str = ""
    headers: tuple[tuple[str, str], ...] = ()


_ESSAYS = (
    ("A kinder inbox", "On letters, latency and the joy of answering tomorrow."),
    ("The post road", "How thirty miles became the length of a day."),
    ("Ink that waits", "Why the best replies were written twice."),
    ("Small machines", "A server on a shelf, and what it gives back."),
    ("Margins", "What people write beside what they mean to say."),
    ("The night coach", "Sorting by lamplight between two cities."),
    ("Seals", "Wax, trust and the short history of being sure."),
    ("Paper weather", "A drought, a mill, and the price of an envelope."),
    ("Return to sender", "An essay about the useful failure."),
    ("Under the doormat", "Every protocol began as a habit."),
    ("A desk by the window", "On light, patience and the second draft."),
    ("Posting houses", "Where the horses were changed and the news was read aloud."),
)


def _newsletter(number: int, title: str, line: str) -> str:
    return f"""<html><head><title>The Slow Page</title><style>body{{margin:0}} .hero{{color:#123}}</style></head>
<body style="background-color:#f4f1ea;font-family:Georgia,serif">
<table width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td align="center">
<table width="600" cellpadding="24" cellspacing="0" border="0" style="background-color:#ffffff;border-radius:8px">
<tr><td><p style="font-size:12px;color:#7a7468">No. {number}</p><h1 style="font-size:30px;line-height:36px;color:#2b2a27">{title}</h1>
<p style="font-size:17px;line-height:27px;color:#3c3a36"><i>{line}</i></p>
<img src="https://pictures.slowpage.example/{number}/cover.jpg" width="552" height="200" alt="Cover of this issue">
<p style="font-size:17px;line-height:27px;color:#3c3a36">There is a kind of mail that does not mind the hour. It arrives, it waits on the step, and when the door opens it says
what it came to say. This week we look at the people who carry it, the rooms in which it is sorted, and the reason why a slow answer is often the kinder one.</p>
<blockquote style="border-left:3px solid #d9c9a3;padding-left:16px;color:#5d584e">A letter is the only visit that one may prepare for at leisure.</blockquote>
<p><a href="https://slowpage.example/issues/{number}" style="color:#0f677c">Read the whole issue</a></p></td></tr>
<tr><td style="font-size:12px;color:#7a7468">You get this because you asked for it. <a href="https://slowpage.example/leave">Leave the list</a></td></tr></table>
<img src="https://t.slowpage.example/open.gif?id={number}" width="1" height="1" alt=""></td></tr></table></body></html>"""


def _bill(month: str, amount: str) -> str:
    return f"""<html><body style="font-family:Arial,sans-serif;color:#222"><h2 style="color:#51691c">Stadtwerke Seeblick</h2><p>Dear customer,</p>
<p>your bill for <b>{month}</b> is ready.</p><table border="0" cellpadding="8" cellspacing="0" style="border-collapse:collapse">
<tr style="background-color:#eef2e2"><th align="left">Item</th><th align="right">CHF</th></tr><tr><td>Water</td><td align="right">21.40</td></tr>
<tr><td>Electricity</td><td align="right">{amount}</td></tr></table><p>The PDF is attached.</p></body></html>"""


def _order(number: int, title: str) -> str:
    return f"""<html><body style="font-family:'PingFang SC','Microsoft YaHei',sans-serif"><table width="560" cellpadding="12"><tr><td style="background-color:#7b4b1d;color:#ffffff;font-size:20px">南山书店</td></tr>
<tr><td><p>您好，您的订单 <b>NS-{number}</b> 已发货：</p><p style="font-size:18px">《{title}》</p><p>预计三日内送达，可在订单页面查看物流。感谢您的支持。</p>
<p><img src="cid:cover" width="160" height="100" alt="封面"></p></td></tr></table></body></html>"""


_SLOW: Person = ("The Slow Page", "letters@slowpage.example")
_POWER: Person = ("Stadtwerke Seeblick", "rechnung@stadtwerke-seeblick.example")
_SHOP: Person = ("南山书店", "dingdan@nanshan-books.example")
_FORGE: Person = ("Forge", "notices@forge.example")
_LIST = (
    ("List-Unsubscribe", "<https://slowpage.example/leave/one-click>, <mailto:leave@slowpage.example>"),
    ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ("List-Id", "The Slow Page <letters.slowpage.example>"),
)


_BOOKS = ("山中信札", "驿路", "灯下集", "长安的信使", "雨窗书简", "邮差的早晨")
_MONTHS = ("November", "October", "September", "August", "July", "June", "May", "April")
_OFFERS = ("YOU HAVE WON 1.000.000", "恭喜您获得大奖", "Re: your invoice overdue!!!", "Cheap watches, today only")
_NOTES = (
    "[posthouse] Release 0.9.2",
    "[posthouse] #118 Fold long References",
    "[posthouse] Build 4021 passed",
    "[ledger] #77 UIDL with a space",
    "[posthouse] #112 Dark theme for print",
    "[ledger] Build 388 failed",
    "[posthouse] #105 Sort by size",
    "[ledger] Release 1.4",
    "[posthouse] Nightly report",
    "[ledger] #71 Time zones",
    "[posthouse] #99 Drafts on two devices",
    "[ledger] Build 371 passed",
    "[posthouse] #90 Fonts",
    "[ledger] #64 Empty UIDL",
    "[posthouse] Build 3920 passed",
    "[ledger] #60 Slow start",
)


def notices() -> list[Notice]:
    """All of them, in no order."""
    return [*_issues(), *_bills(), *_orders(), *_notes(), *_spam()]


def _issues() -> Iterator[Notice]:
    for index, (title, line) in enumerate(_ESSAYS):
        number = 212 - index
        text = f"{title}\n\n{line}\n\nRead it at https://slowpage.example/issues/{number}\n"
        html = _newsletter(number, title, line)
        yield Notice(_SLOW, f"No. {number}: {title}", 14 + 168 * index, text, html, seen=index > 0, headers=_LIST)


def _bills() -> Iterator[Notice]:
    for index, month in enumerate(_MONTHS):
        text = f"CHF {84.60 - index:.2f}, due 15 {month}. The PDF is attached.\n"
        yield Notice(
            _POWER,
            f"Invoice 2026-{1107 - index} is ready",
            2.2 + 720 * index,
            text,
            _bill(month, f"{63.20 - index:.2f}"),
            seen=index > 0,
            labels=("Invoices",),
            files=(f"Invoice {1107 - index}.pdf",),
        )


def _orders() -> Iterator[Notice]:
    for index, book in enumerate(_BOOKS):
        number = 20260118 - index
        text = f"您的订单 NS-{number} 已发货：《{book}》。预计三日内送达。\n"
        subject = f"您的订单已发货：《{book}》"
        yield Notice(_SHOP, subject, 22 + 410 * index, text, _order(number, book), inline="cover", seen=index != 0)


def _notes() -> Iterator[Notice]:
    for index, subject in enumerate(_NOTES):
        address = f"https://forge.example/n/{4021 - index}"
        text = f"{subject}\n\nSee {address}\n\n-- \nYou get this because you watch the repository.\n"
        yield Notice(_FORGE, subject, 33 + 61 * index, text)


def _spam() -> Iterator[Notice]:
    for index, subject in enumerate(_OFFERS):
        who = ("Prize Office", f"win{index}@luck-{index}.example")
        html = (
            f'<html><body onload="x()"><h1 style="color:red">{subject}</h1>'
            '<form action="https://luck.example"><input name="card"></form>'
            '<a href="javascript:pay()">Pay</a><script>pay()</script></body></html>'
        )
        yield Notice(who, subject, 11 + 47 * index, "Click now.\n", html, mailbox="Junk", seen=index > 1)
