"""What is known of one provider: its servers, whose mail it has, and the secret that it wants. Pure.

`secret` is a text for people, marked for the translators. All servers here speak TLS from the first octet (RFC 8314 §3) on the
usual port.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fetcher.errors import N_

PASSWORD = N_("Use the password of the account.")
PASSWORD_ENABLE = N_("Use the password of the account; POP3 has to be switched on in the provider's settings first.")
OTHER_PROGRAMS = N_(
    "Use the password of the account; other mail programs have to be allowed in the provider's settings."
)
APP_PASSWORD = N_("Use an app password made in the provider's security settings, not the normal password.")
AUTHORISATION_CODE = N_("Use the authorisation code from Settings > Account at the provider, not the password.")
CLIENT_PASSWORD = N_("Use the client password made in the provider's settings, not the password of the web page.")
MAIL_KEY = N_("Use the secure mail key made in the provider's account settings, not the password.")
OAUTH_ONLY = N_("This provider accepts only its own sign-in page (OAuth), no password.")
BRIDGE_ONLY = N_("This provider can be reached only through its Bridge program: give the Bridge's server and password.")
NO_DOOR = N_("This provider lets no other program read its mail, by no protocol.")

ADDRESS, LOCAL_PART, DOMAIN = "%EMAILADDRESS%", "%EMAILLOCALPART%", "%EMAILDOMAIN%"
"""What stands for parts of an address, in the words of Thunderbird's format."""

TLS_PORTS: Mapping[str, int] = MappingProxyType({"pop3": 995, "imap": 993})


@dataclass(frozen=True, slots=True)
class Preset:
    """One provider. Without `pop3` or `imap` it has no server of that kind."""

    key: str
    label: str
    domains: tuple[str, ...]
    pop3: str
    imap: str
    secret: str
    username: str = ADDRESS
    minimum_interval: int = 0
    """Seconds that the provider wants between two visits by POP3."""
    partial_listing: bool = False
    """A POP3 session offers only the oldest messages not collected yet; the next one offers more."""
    works: bool = True
    """False where no password can work."""
    help_url: str = ""
    exchangers: tuple[str, ...] = ()
    """Who takes mail (MX) for other domains that it hosts, as patterns of a shell."""

    @property
    def protocol(self) -> str:
        """What is proposed: POP3, or IMAP where there is no POP3."""
        return "pop3" if self.pop3 or not self.imap else "imap"

    def host(self, protocol: str) -> str:
        return self.pop3 if protocol == "pop3" else self.imap

    def pause(self, protocol: str) -> int:
        """Seconds between two visits."""
        return self.minimum_interval if protocol == "pop3" else 0

    def offers_more(self, protocol: str) -> bool:
        """Tell whether a session that brought mail calls for another."""
        return self.partial_listing and protocol == "pop3"


def preset(key: str, label: str, domains: str, pop3: str, imap: str, secret: str, **more: object) -> Preset:
    """Read a row of the table: `domains` and `mx` are words."""
    exchangers = tuple(str(more.pop("mx", "")).split())
    return Preset(key, label, tuple(domains.split()), pop3, imap, secret, exchangers=exchangers, **more)  # type: ignore[arg-type]
