import pytest

from fetcher.errors import TROUBLES, FetchError, explain_refusal

GOOGLE, MICROSOFT, QQ, NETEASE = "pop.gmail.com", "outlook.office365.com", "pop.qq.com", "pop.163.com"


def test_every_trouble_has_words_and_a_remedy_for_people():
    for code, trouble in TROUBLES.items():
        assert trouble.code == code
        for text in (trouble.sentence, trouble.remedy):
            assert text.endswith(".") and "{" not in text and "%" not in text


@pytest.mark.parametrize(
    ("host", "code", "words", "expected"),
    [
        (GOOGLE, "AUTH", "Username and password not accepted.", "sign-in-app-password"),
        (GOOGLE, "AUTH", "Application-specific password required", "sign-in-app-password"),
        (GOOGLE, "AUTH", "Please log in via your web browser", "sign-in-web"),
        (GOOGLE, "SYS/PERM", "Your account is not enabled for POP access", "provider-permanent"),
        (MICROSOFT, None, "Logon failure: unknown user name or bad password.", "sign-in-oauth"),
        ("mail.firm.example", None, "Authentication unsuccessful, 535 5.7.139", "sign-in-oauth"),
        (QQ, None, "Unable to log on", "sign-in-authorisation-code"),
        (QQ, None, "login frequency limited", "login-delay"),
        (QQ, None, "Service is not open, password is error", "sign-in-service-off"),
        (NETEASE, None, "Unable to log on", "sign-in-authorisation-code"),
        (NETEASE, None, "Unsafe Login. Please contact kefu@188.com for help", "sign-in-unsafe"),
        ("pop.sina.com", None, "请使用授权码登录", "sign-in-authorisation-code"),
        ("pop.example.org", None, "Mailbox is locked by another session", "in-use"),
        ("pop.example.org", "IN-USE", "", "in-use"),
        ("pop.example.org", None, "invalid user or password", "sign-in"),
        ("notgmail.com.example.org", None, "no", "sign-in"),
        ("evil-qq.com", None, "no", "sign-in"),
    ],
)
def test_the_providers_words_are_understood(host, code, words, expected):
    assert explain_refusal(host, code, words) == expected


def test_a_peers_words_are_cut_and_cleaned():
    error = FetchError("sign-in", "bad\r\n\x1b[31m" + "x" * 10_000)
    assert "\r" not in error.detail and "\x1b" not in error.detail and len(error.detail) <= 200


def test_an_error_reads_like_a_sentence():
    assert str(FetchError("name-not-found")).startswith("There is no server of that name. Check ")
