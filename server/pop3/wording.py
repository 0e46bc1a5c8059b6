"""The words of replies in the languages of LANG (RFC 6856 §3), pure.

The English text is the key: whoever answers writes English, and `say` gives it in the language the client chose. Numbers and words
that programs read (STAT, LIST, UIDL, response codes, language tags) never come through here.

Invariants: nothing but ASCII is said before a client asked for another language (RFC 1939 §3); an unknown range chooses nothing; a text without a
translation is said in English rather than not at all, and a test finds it.
"""

import re
from typing import Final

ENGLISH: Final = "en"
LANGUAGES: Final = {ENGLISH: "English", "zh-Hans": "简体中文", "zh-Hant": "繁體中文"}
"""RFC 5646 tags, and what each language calls itself."""

# RFC 4647 §2.1: a basic language range.
_RANGE: Final = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")
# Regions say which script is meant where the tag does not (RFC 5646 §2.2.3); the shorter ones come last in a look-up.
_ALSO: Final = {
    "zh-tw": "zh-Hant", "zh-hk": "zh-Hant", "zh-mo": "zh-Hant", "zh": "zh-Hans", "cmn": "zh-Hans", "yue": "zh-Hant",
}  # fmt: skip
_KNOWN: Final = {**{tag.lower(): tag for tag in LANGUAGES}, **_ALSO}

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "a name is needed": ("缺少用户名", "缺少使用者名稱"),
    "a number is needed": ("需要一个数字", "需要一個數字"),
    "a password is needed": ("缺少密码", "缺少密碼"),
    "acting for another user is not possible": ("不能代替他人登录", "無法代替他人登入"),
    "another session has this maildrop": ("该邮箱正被另一个会话使用", "此信箱正由另一個工作階段使用"),
    "answer too long": ("应答太长", "回應太長"),
    "begin TLS": ("请开始 TLS", "請開始 TLS"),
    "bye": ("再见", "再見"),
    "cancelled": ("已取消", "已取消"),
    "channel binding is not supported": ("不支持通道绑定", "不支援通道繫結"),
    "capabilities follow": ("能力列表如下", "功能清單如下"),
    "command line too long": ("命令行太长", "命令列太長"),
    "control characters in the command": ("命令里有控制字符", "命令中有控制字元"),
    "internal error, try later": ("内部错误，请稍后再试", "內部錯誤，請稍後再試"),
    "language changed": ("语言已切换", "語言已切換"),
    "languages follow": ("语言列表如下", "語言清單如下"),
    "malformed answer": ("应答格式不对", "回應格式不正確"),
    "mechanisms follow": ("登录机制如下", "登入機制如下"),
    "message {number} deleted": ("第 {number} 封已删除", "第 {number} 封已刪除"),
    "name taken, send PASS": ("已收到用户名，请发送 PASS", "已收到使用者名稱，請傳送 PASS"),
    "no such message": ("没有这封邮件", "沒有這封郵件"),
    "not base64": ("不是 base64", "不是 base64"),
    "not in this state": ("当前状态下不能用此命令", "目前狀態下不能使用此命令"),
    "not UTF-8": ("不是 UTF-8", "不是 UTF-8"),
    "scan listing follows": ("邮件列表如下", "郵件清單如下"),
    "send USER first": ("请先发送 USER", "請先傳送 USER"),
    "sign in over TLS only": ("必须先启用 TLS 才能登录", "必須先啟用 TLS 才能登入"),
    "sign-in cannot be checked now, try later": ("现在无法核对登录，请稍后再试", "目前無法核對登入，請稍後再試"),
    "sign-in failed": ("登录失败", "登入失敗"),
    "some deleted messages not removed": ("有些邮件未能删除", "有些郵件未能刪除"),
    "STLS must come before UTF8": ("STLS 必须在 UTF8 之前", "STLS 必須在 UTF8 之前"),
    "that language is not spoken here": ("不支持这种语言", "不支援這種語言"),
    "this extension is not supported": ("不支持该扩展", "不支援此擴充"),
    "this mechanism cannot be used now": ("该登录机制暂时不能用", "此登入機制暫時無法使用"),
    "this mechanism is not offered": ("不支持该登录机制", "不支援此登入機制"),
    "this message is damaged and cannot be read": ("这封邮件已损坏，无法读取", "這封郵件已損壞，無法讀取"),
    "this message has been removed by another client": ("这封邮件已被另一个客户端删除", "這封郵件已被另一個用戶端刪除"),
    "TLS is active already": ("TLS 已经启用", "TLS 已經啟用"),
    "TLS is not available": ("没有 TLS 可用", "沒有 TLS 可用"),
    "the mailbox chosen for POP3 is gone": ("为 POP3 选定的文件夹不存在", "為 POP3 選定的資料夾不存在"),
    "too many connections": ("连接太多", "連線太多"),
    "too many tries, wait {seconds} s": ("尝试次数太多，请等待 {seconds} 秒", "嘗試次數太多，請等待 {seconds} 秒"),
    "too many words": ("参数太多", "參數太多"),
    "unique ids follow": ("唯一标识如下", "唯一識別碼如下"),
    "unknown command": ("未知命令", "未知的命令"),
    "UTF-8 from here on": ("从现在起使用 UTF-8", "從現在起使用 UTF-8"),
    "wrong number of arguments": ("参数个数不对", "參數個數不正確"),
    "{messages} messages ({octets} octets)": (
        "{messages} 封邮件（{octets} 字节）",
        "{messages} 封郵件（{octets} 位元組）",
    ),
    "{octets} octets": ("{octets} 字节", "{octets} 位元組"),
}


def choose(wanted: str) -> str | None:
    """Return the tag of the language that a range asks for; None when it is spoken by none of ours, or is no range."""
    if wanted == "*":
        # RFC 6856 §3.2: the language that the server prefers; never the user's own, which would tell a stranger about them (§7).
        return ENGLISH
    if not _RANGE.fullmatch(wanted):
        return None
    # RFC 4647 §3.4: look-up, which shortens the range until something fits.
    parts = wanted.lower().split("-")
    for length in range(len(parts), 0, -1):
        found = _KNOWN.get("-".join(parts[:length]))
        if found is not None:
            return found
    return None


def say(language: str, text: str, **values: int) -> str:
    """Return `text`, written in English with names in braces, in a language of `LANGUAGES`."""
    if language != ENGLISH and text in TEXTS:
        text = TEXTS[text][tuple(LANGUAGES).index(language) - 1]
    return text.format(**values) if values else text
