"""What can go wrong with an outside account, in words a person understands.

Every `Trouble` has a stable code (the webmail translates by it), one sentence and one remedy. The peer's own words are
never part of the sentence: they are kept apart in `FetchError.detail`, cut and free of control characters, for the page
of the source and the log. `explain_sign_in` is the dictionary of phrases that providers use when they refuse somebody.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

DETAIL_LIMIT = 200
"""Characters of the peer's own words that are kept."""


class Kind(StrEnum):
    """What the scheduler does about it."""

    TEMPORARY = "temporary"
    """Try again by itself, ever more rarely."""
    BUSY = "busy"
    """Nothing is wrong: somebody else reads the mailbox, or we came too early."""
    SIGN_IN = "sign-in"
    """Only the owner can mend it; trying on would lock the account at the provider."""
    SETTINGS = "settings"
    """Only other settings can mend it; tried again rarely, for the provider may change."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One kind of failure: a stable code and the words for it in English."""

    code: str
    kind: Kind
    sentence: str
    remedy: str


class FetchError(Exception):
    """A fetch or a check failed. `retry_after` is the provider's own wish in seconds, if it stated one."""

    def __init__(self, code: str, detail: str = "", *, retry_after: int | None = None) -> None:
        super().__init__(code)
        self.trouble = TROUBLES[code]
        self.detail = clean(detail)
        self.retry_after = retry_after

    @property
    def code(self) -> str:
        return self.trouble.code

    def __str__(self) -> str:
        words = f" ({self.detail})" if self.detail else ""
        return f"{self.trouble.sentence} {self.trouble.remedy}{words}"


def clean(words: str) -> str:
    """Make a peer's words fit for one line of a page or a log."""
    return "".join(c if c.isprintable() else " " for c in words[: DETAIL_LIMIT * 2]).strip()[:DETAIL_LIMIT]


def N_(text: str) -> str:  # noqa: N802 - gettext's customary mark for texts that are translated where they are shown
    """Mark a text for the translators."""
    return text


_ALL = (
    Trouble(
        "sign-in",
        Kind.SIGN_IN,
        N_("The provider refused the user name or the password."),
        N_("Check the user name and type the password again. Many providers want an app password here."),
    ),
    Trouble(
        "sign-in-app-password",
        Kind.SIGN_IN,
        N_("The provider wants an app password instead of the normal one."),
        N_("Switch on two-step verification at the provider, create an app password there and enter it here."),
    ),
    Trouble(
        "sign-in-authorisation-code",
        Kind.SIGN_IN,
        N_("The provider wants its authorisation code instead of the password."),
        N_("Open the provider's web page, Settings > Account, switch on POP3 or IMAP and enter the code it shows."),
    ),
    Trouble(
        "sign-in-unsafe",
        Kind.SIGN_IN,
        N_("The provider calls this sign-in unsafe and refused it."),
        N_("Sign in once on the provider's web page, confirm that it was you, then enter a new authorisation code."),
    ),
    Trouble(
        "sign-in-oauth",
        Kind.SIGN_IN,
        N_("The provider no longer accepts passwords from mail programs."),
        N_("This account needs the provider's own sign-in page (OAuth); a password cannot work."),
    ),
    Trouble(
        "sign-in-web",
        Kind.SIGN_IN,
        N_("The provider wants you to sign in on its web page first."),
        N_("Sign in with a browser, answer what the provider asks, then press Collect now."),
    ),
    Trouble(
        "sign-in-service-off",
        Kind.SIGN_IN,
        N_("POP3 or IMAP is switched off for this account at the provider."),
        N_("Switch it on in the provider's settings; it may then show a code that is entered here."),
    ),
    Trouble(
        "sign-in-not-connected",
        Kind.SIGN_IN,
        N_("The sign-in is right, but the provider gives no mailbox to it."),
        N_("Check that the address has a mailbox and a licence, and that POP3 or IMAP is allowed for it."),
    ),
    Trouble(
        "sign-in-not-offered",
        Kind.SETTINGS,
        N_("The server offers no way to sign in that we know."),
        N_("Try another security setting (TLS or STARTTLS) or ask the provider."),
    ),
    Trouble(
        "bad-credentials-text",
        Kind.SIGN_IN,
        N_("The user name or the password holds characters that cannot be sent."),
        N_("Type both again without line breaks."),
    ),
    Trouble(
        "secret-key-missing",
        Kind.SIGN_IN,
        N_("The key that opens the stored passwords is missing."),
        N_("Put the file secret.key back from the backup, or enter the password of this account again."),
    ),
    Trouble(
        "secret-key-wrong",
        Kind.SIGN_IN,
        N_("The stored password was sealed with another key."),
        N_("Put the right secret.key back from the backup, or enter the password of this account again."),
    ),
    Trouble(
        "secret-key-unusable",
        Kind.SIGN_IN,
        N_("The file with the key that opens the stored passwords cannot be used."),
        N_("Make secret.key readable for the server, or put it back from the backup. It is never overwritten."),
    ),
    Trouble(
        "name-not-found",
        Kind.TEMPORARY,
        N_("There is no server of that name."),
        N_("Check the spelling of the server's name and that this machine can reach a name server."),
    ),
    Trouble(
        "connection-refused",
        Kind.TEMPORARY,
        N_("The server does not accept connections on this port."),
        N_("Check the port: 995 (TLS) or 110 (STARTTLS) for POP3, 993 or 143 for IMAP."),
    ),
    Trouble(
        "unreachable",
        Kind.TEMPORARY,
        N_("The server cannot be reached from here."),
        N_("Check the network connection of this machine and its firewall."),
    ),
    Trouble(
        "time-out",
        Kind.TEMPORARY,
        N_("The server did not answer in time."),
        N_("It is tried again by itself. If it stays so, check the server's name and the port."),
    ),
    Trouble(
        "too-slow",
        Kind.TEMPORARY,
        N_("The server sends so slowly that it was given up."),
        N_("It is tried again by itself, more rarely."),
    ),
    Trouble(
        "dropped",
        Kind.TEMPORARY,
        N_("The server closed the connection in the middle."),
        N_("It is tried again by itself; what had arrived is kept and nothing was deleted there."),
    ),
    Trouble(
        "tls-certificate",
        Kind.SETTINGS,
        N_("The server's certificate is not valid for this name."),
        N_("Use the name that stands in the certificate; ask the provider if it has run out."),
    ),
    Trouble(
        "tls-failed",
        Kind.SETTINGS,
        N_("No encrypted connection could be made."),
        N_("Check port and security together: 995 and 993 go with TLS, 110 and 143 with STARTTLS."),
    ),
    Trouble(
        "tls-not-offered",
        Kind.SETTINGS,
        N_("The server does not offer STARTTLS, and the password is never sent without encryption."),
        N_("Use TLS: port 995 for POP3, 993 for IMAP."),
    ),
    Trouble(
        "tls-required",
        Kind.SETTINGS,
        N_("Without encryption only servers of the own network are collected."),
        N_("Choose TLS or STARTTLS."),
    ),
    Trouble(
        "address-forbidden",
        Kind.SETTINGS,
        N_("This server is not on the Internet, and servers of the own network are not allowed."),
        N_("Ask the administrator to add the server's name to source_private_hosts."),
    ),
    Trouble(
        "port-forbidden",
        Kind.SETTINGS,
        N_("This port is not used for collecting mail."),
        N_("Use 995 (TLS) or 110 (STARTTLS) for POP3, 993 or 143 for IMAP."),
    ),
    Trouble(
        "in-use",
        Kind.BUSY,
        N_("Another program is reading this mailbox right now."),
        N_("It is tried again in a few minutes. Close other mail programs that read this mailbox if it stays so."),
    ),
    Trouble(
        "login-delay",
        Kind.BUSY,
        N_("The provider allows a sign-in only now and then."),
        N_("It is tried again when the provider's waiting time is over."),
    ),
    Trouble(
        "provider-temporary",
        Kind.TEMPORARY,
        N_("The provider has a temporary problem."),
        N_("It is tried again by itself."),
    ),
    Trouble(
        "provider-permanent",
        Kind.SETTINGS,
        N_("The provider says that this mailbox cannot be read."),
        N_("Ask the provider; its own words are shown below."),
    ),
    Trouble(
        "protocol",
        Kind.TEMPORARY,
        N_("The server answered something else than the protocol that was chosen."),
        N_("Check the name and the port; a different service may be listening there."),
    ),
    Trouble(
        "delete-not-offered",
        Kind.SETTINGS,
        N_(
            "The server has no safe way to delete single messages (UIDPLUS), so nothing is collected from it to be deleted."
        ),
        N_("Choose to leave the mail there."),
    ),
    Trouble(
        "too-many-messages",
        Kind.SETTINGS,
        N_("The list of messages is longer than can be handled."),
        N_("Move old mail out of the mailbox at the provider."),
    ),
    Trouble(
        "message-too-big",
        Kind.TEMPORARY,
        N_("A message is bigger than the limit; it stays at the provider."),
        N_("Read it there, or ask the administrator to raise message_size_limit."),
    ),
    Trouble(
        "over-quota",
        Kind.TEMPORARY,
        N_("Your own mailbox is full."),
        N_("Delete mail or ask the administrator for more space; collecting goes on by itself."),
    ),
    Trouble(
        "delivery-unavailable",
        Kind.TEMPORARY,
        N_("The own mail server does not take mail at the moment."),
        N_("Nothing is lost: it is tried again by itself."),
    ),
    Trouble(
        "delivery-deferred",
        Kind.TEMPORARY,
        N_("The own mail server put some messages off."),
        N_("They stay at the provider and are tried again by themselves."),
    ),
    Trouble(
        "delivery-recipient",
        Kind.SETTINGS,
        N_("The own mail server does not know the address that this mail is for."),
        N_("Ask the administrator whether the account still has its address."),
    ),
    Trouble(
        "message-refused",
        Kind.TEMPORARY,
        N_("The own mail server refused this message; it stays at the provider."),
        N_("Read it at the provider, or have it tried once more."),
    ),
    Trouble(
        "gone",
        Kind.BUSY,
        N_("The source was removed or paused while it was collected."),
        N_("Nothing needs to be done."),
    ),
    Trouble(
        "internal",
        Kind.TEMPORARY,
        N_("Something went wrong inside the collector."),
        N_("It is tried again by itself; the administrator finds the details in the log."),
    ),
)

TROUBLES: Mapping[str, Trouble] = MappingProxyType({t.code: t for t in _ALL})


@dataclass(frozen=True, slots=True)
class _Phrase:
    host: re.Pattern[str]
    words: re.Pattern[str]
    code: str


def _phrase(host: str, words: str, code: str) -> _Phrase:
    return _Phrase(re.compile(host, re.IGNORECASE), re.compile(words, re.IGNORECASE), code)


_GOOGLE = r"(^|\.)(gmail|google|googlemail)\.com$"
_MICROSOFT = r"(^|\.)(office365|outlook|hotmail|live)\.com$|\.partner\.outlook\.cn$"
_TENCENT = r"(^|\.)(qq|foxmail)\.com$"
_CODE = r"(^|\.)(163|126|yeah|139|188)\.(com|net)$|(^|\.)sina\.(com|cn)$"
_APP = r"(^|\.)(yahoo|aol|zoho|yandex|fastmail)\.|(^|\.)mail\.(me\.com|ru)$|(^|\.)libero\.it$"

_PHRASES = (
    _phrase("", r"unsafe login", "sign-in-unsafe"),
    _phrase("", r"(frequen\w+ (limit|exceed)|too (often|frequent|many)|rate limit|try again later)", "login-delay"),
    _phrase("", r"(maildrop|mailbox|account|session).{0,30}(lock|in use|busy)|unable to lock|already locked", "in-use"),
    _phrase("", r"authenticated but not connected", "sign-in-not-connected"),
    _phrase("", r"basic auth\w* .*(disabled|blocked|not supported)|5\.7\.139|basic authentication is", "sign-in-oauth"),
    _phrase("", r"application-specific password|app(lication)?[ -]password", "sign-in-app-password"),
    _phrase("", r"webalert|web ?login ?required|web browser|via (the )?web", "sign-in-web"),
    _phrase("", r"授权码|authori[sz]ation code|auth code", "sign-in-authorisation-code"),
    _phrase(
        "",
        r"(service|pop3?|imap4?|access).{0,40}(not open|not enabled|disabled|未开启|switched off)",
        "sign-in-service-off",
    ),
    _phrase("", r"未开启|not enabled for (pop|imap)|enable (pop|imap)", "sign-in-service-off"),
    _phrase(_GOOGLE, "", "sign-in-app-password"),
    _phrase(_MICROSOFT, "", "sign-in-oauth"),
    _phrase(_TENCENT, "", "sign-in-authorisation-code"),
    _phrase(_CODE, "", "sign-in-authorisation-code"),
    _phrase(_APP, "", "sign-in-app-password"),
)


def explain_sign_in(host: str, words: str) -> str:
    """Return the code for a refused sign-in: by the provider's own phrase first, then by who the provider is."""
    for phrase in _PHRASES:
        if phrase.host.search(host) and phrase.words.search(words[:2000]):
            return phrase.code
    return "sign-in"


def explain_refusal(host: str, response_code: str | None, words: str) -> str:
    """Return our code for a negative answer to a sign-in: the response code says it best, then the words."""
    return explain_code(response_code) or explain_sign_in(host, words)


def explain_code(response_code: str | None) -> str | None:
    """Return our code for a response code, or None when it says nothing.

    POP3: RFC 2449 §8, IN-USE and LOGIN-DELAY; RFC 3206 §4, SYS/TEMP, SYS/PERM, AUTH. IMAP: RFC 5530 §3; WEBALERT is Google's.
    """
    if response_code is None:
        return None
    known = {
        "IN-USE": "in-use",
        "LOGIN-DELAY": "login-delay",
        "SYS/TEMP": "provider-temporary",
        "SYS/PERM": "provider-permanent",
        "SYS": "provider-temporary",
        "INUSE": "in-use",
        "LIMIT": "login-delay",
        "UNAVAILABLE": "provider-temporary",
        "SERVERBUG": "provider-temporary",
        "CONTACTADMIN": "provider-permanent",
        "AUTHORIZATIONFAILED": "sign-in-not-connected",
        "WEBALERT": "sign-in-web",
    }
    return known.get(response_code.upper())
