"""Conversations of the demo, oldest letter first. `age` is hours before now; `me` is the person whose house it is."""

from dataclasses import dataclass, field

ME = ("Iris Lin", "iris@lin.example")
MARA = ("Mara Lindqvist", "mara@lindqvist-studio.example")
JONAS = ("Jonas Brandt", "jonas@brandt-partner.example")
CHEN = ("陈立", "chenli@nanshan.example")
MOTHER = ("妈妈", "mama@lin.example")
TOMAS = ("Tomás Herrera", "tomas@sierra.example")
VOGT = ("Prof. Anneliese Vogt", "vogt@uni-seeblick.example")
XIAOMAN = ("王小曼", "xiaoman@fanyi.example")
YUKI = ("佐藤 由紀", "yuki@kotori.example")
AMINA = ("أمينة حداد", "amina@warraq.example")
NIKOS = ("Νίκος Παππάς", "nikos@limani.example")
PRIYA = ("Priya Raman", "priya@q1planning.example")
BOOKS = ("南山书店", "dingdan@nanshan-books.example")

Person = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Letter:
    """One message of a conversation. `files` names attachments that server.demo.pictures draws."""

    who: Person
    age: float
    text: str
    to: tuple[Person, ...] = (ME,)
    cc: tuple[Person, ...] = ()
    files: tuple[str, ...] = ()
    seen: bool = True
    flagged: bool = False
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation: a subject and its letters. `mailbox` is where the letters of others lie."""

    subject: str
    letters: tuple[Letter, ...] = field(default=())
    mailbox: str = "INBOX"


TALKS: tuple[Talk, ...] = (
    Talk(
        "Studio fit-out, Zürich: final drawings and revised quote",
        (
            Letter(
                ME,
                124,
                "Hi Mara,\n\ncould you send the plan with the long table at the window?\nThe landlord wants to see it before Friday.\n\nIris",
                to=(MARA,),
                cc=(JONAS,),
            ),
            Letter(
                MARA,
                101,
                "Hi both,\n\nhere is the first sketch. The table is 3.20 m now; it would even go round the pillar.\n\nMara",
                to=(ME, JONAS),
                files=("Sketch.png",),
            ),
            Letter(
                JONAS,
                77,
                "Looks good to me. The electrician asks whether the sockets stay on the north wall.\n\nJonas",
                to=(ME, MARA),
            ),
            Letter(CHEN, 64, "走廊宽度是 1.42 米，机柜放得下，但门要改成向外开。\n\n陈立", to=(ME, MARA), cc=(JONAS,)),
            Letter(
                MARA,
                0.6,
                "Hi Iris,\n\nthank you for Friday’s comments. This is the final set: the long table moves to the window, the acoustic panels wrap the meeting corner, "
                "and the kitchen line is 40 cm shorter. Three things by Thursday:\n\n1. Sign the revised quote, CHF 48,250 (was 51,900).\n2. Choose oak or ash for the shelves. Both are in the photo.\n"
                "3. Settle the server cabinet with 陈立：他周三下午会来量走廊的尺寸。\n\nIf the deposit is here by the 1st, we start on Monday 7 December.\n\nMara\n\n> could you send the plan with the long table at the window?\n> The landlord wants to see it before Friday.\n",
                to=(ME,),
                cc=(JONAS, CHEN),
                files=("Drawings rev 4.pdf", "Oak and ash.png", "Quote 2026-114.csv"),
                labels=("Studio",),
            ),
        ),
    ),
    Talk(
        "周六的聚餐改到晚上六点",
        (
            Letter(MOTHER, 27, "小夏，周六大家都有空，我订了湖边那家餐厅。\n\n妈妈"),
            Letter(
                CHEN,
                1.1,
                "餐厅换成了湖边那家，妈妈说想早一点到，可以先去散步再吃饭。六点在门口见，别忘了带外套。\n\n陈立",
                cc=(MOTHER,),
                seen=False,
            ),
        ),
    ),
    Talk(
        "Photos from the ridge walk",
        (
            Letter(TOMAS, 46, "We are back. Everybody dry, nobody lost.\n\nTomás"),
            Letter(ME, 45, "Glad to hear! Send pictures when you have slept.\n\nIris", to=(TOMAS,)),
            Letter(
                TOMAS,
                20,
                "The light was perfect until the fog came up. Forty of the best are in the album, the ridge itself is attached.\n\nUn abrazo\nTomás",
                files=("Ridge.png", "Fog.png"),
                flagged=True,
            ),
        ),
    ),
    Talk(
        "Thesis colloquium: two open slots",
        (
            Letter(
                VOGT,
                25,
                "Dear Ms Lin,\n\nThursday at 10 or Friday at 14. Tell me which you prefer; the room is booked for both.\n\nKind regards\nA. Vogt",
            ),
            Letter(
                ME, 24, "Dear Professor Vogt,\n\nFriday at 14, please. Thank you for moving it.\n\nIris Lin", to=(VOGT,)
            ),
            Letter(VOGT, 5, "Noted. Bring two printed copies of chapter three.\n\nA. Vogt", seen=False),
        ),
    ),
    Talk(
        "翻译稿第三章",
        (
            Letter(
                XIAOMAN,
                9,
                "知夏：\n\n第三章译好了，共一万二千字。“邮驿”一词我暂时译作 posting house，注释放在页脚，你看是否合适？\n\n下周二之前给我意见就行。\n\n小曼",
                files=("第三章.txt",),
                seen=False,
            ),
        ),
    ),
    Talk(
        "次の読書会について",
        (
            Letter(
                YUKI,
                31,
                "リンさん\n\n次の読書会は十二月五日（土）の午後三時からです。課題の本は『雪国』、場所はいつもの喫茶店です。\n\n佐藤",
            ),
        ),
    ),
    Talk(
        "مخطوطة الرسائل",
        (
            Letter(
                AMINA,
                52,
                "عزيزتي إيريس،\n\nوصلت نسخة المخطوطة من المكتبة، وفيها إحدى عشرة رسالة لم تُنشر من قبل. سأرسل الصور غداً.\n\nمع التحية\nأمينة",
            ),
        ),
    ),
    Talk(
        "Τα γράμματα από το λιμάνι",
        (
            Letter(
                NIKOS,
                72,
                "Αγαπητή Ίριδα,\n\nτο παλιό ταχυδρομείο ανοίγει πάλι τον Μάρτιο. Σου στέλνω μια φωτογραφία της πρόσοψης.\n\nΝίκος",
                files=("Limani.png",),
            ),
        ),
    ),
    Talk(
        "Kitchen drain",
        (
            Letter(
                ("Hausdienst Seeblick", "dienst@seeblick.example"),
                98,
                "Guten Tag\n\nDer Monteur kommt am Mittwoch zwischen 8 und 10 Uhr. Bitte Zugang zum Keller frei lassen.\n\nFreundliche Grüsse\nHausdienst Seeblick",
            ),
        ),
    ),
    Talk(
        "Who takes the dog in week 50?",
        (
            Letter(MOTHER, 150, "谁可以在第五十周照顾小黑？我和爸爸要去成都。\n\n妈妈", to=(ME, CHEN)),
            Letter(CHEN, 149, "周一到周三我可以。\n\n陈立", to=(MOTHER, ME)),
            Letter(ME, 148, "周四以后我来接，钥匙放在老地方就行。\n\n知夏", to=(MOTHER, CHEN)),
            Letter(MOTHER, 147, "太好了，谢谢你们。小黑的狗粮在厨房左边的柜子里。\n\n妈妈", to=(ME, CHEN)),
        ),
    ),
    Talk(
        "Old letters in the attic",
        (
            Letter(
                ("Großtante Hedwig", "hedwig@waldheim.example"),
                300,
                "Liebe Iris,\n\nbeim Aufräumen habe ich die Schachtel mit Großvaters Briefen gefunden. Zweiunddreißig Stück, alle aus dem Jahr 1951. Möchtest du sie haben, bevor sie der Schimmel bekommt?\n\nHerzlich\nHedwig",
                flagged=True,
            ),
        ),
    ),
    Talk(
        "Réservation confirmée : gîte des Marronniers",
        (
            Letter(
                ("Gîte des Marronniers", "accueil@marronniers.example"),
                410,
                "Bonjour Madame Lin,\n\nvotre séjour du 27 au 30 décembre est confirmé pour quatre personnes. Le chemin est raide mais dégagé ; apportez de bonnes chaussures.\n\nBien à vous",
            ),
        ),
        mailbox="Travel",
    ),
    Talk(
        "Boarding passes",
        (
            Letter(
                ("Nordwind Bahn", "reise@nordwind.example"),
                520,
                "Your seats: coach 7, 61 and 62, at the window.\nDeparture 07:32, platform 4.\n",
                files=("Tickets.pdf",),
            ),
        ),
        mailbox="Travel",
    ),
    Talk(
        "合同终稿，请确认",
        (
            Letter(
                ("李明", "liming@nanshan.example"),
                260,
                "林小姐：\n\n合同终稿见附件，请在本周五之前确认第四条和第七条。\n\n李明",
                files=("合同.pdf",),
            ),
        ),
        mailbox="Clients",
    ),
    Talk(
        "Invoice 2026-1088 and the workshop in January",
        (
            Letter(
                ("Lena Brandt", "lena@brandt-partner.example"),
                201,
                "Hi Iris,\n\nthe invoice is paid. Could you hold 14 January for the workshop? Twelve people, the whole day.\n\nLena",
            ),
            Letter(
                ME,
                200,
                "Hi Lena,\n\n14 January is yours. I will bring the big printer.\n\nIris",
                to=(("Lena Brandt", "lena@brandt-partner.example"),),
            ),
        ),
        mailbox="Clients",
    ),
)
