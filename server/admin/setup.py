"""First set-up of an installation: one domain, the host name, the first administrator."""

from collections.abc import Callable
from dataclasses import dataclass

from server.accounts import account as accounts
from server.accounts import password as passwords
from server.accounts.account import Account
from server.accounts.directory import set_hostname
from server.accounts.errors import AccountError, DomainInvalid, PasswordWeak
from server.db.transaction import Reader, Writer


@dataclass(frozen=True, slots=True)
class Plan:
    """What the wizard asks. `local_part` is the administrator's name before the @."""

    domain: str
    hostname: str
    local_part: str
    name: str
    password: str


class AlreadySetUp(AccountError):
    def __init__(self) -> None:
        super().__init__("This installation has been set up already; sign in as its administrator")


def is_fresh(r: Reader) -> bool:
    """Tell whether nobody lives here yet, so that the set-up wizard is the first page."""
    return not accounts.all_accounts(r)


def check_domain(name: str) -> str:
    """Return the domain as it will be stored; raises DomainInvalid."""
    return accounts.canonical_domain(name)


def check_hostname(name: str) -> str:
    """Return the host name as it will be stored; raises DomainInvalid."""
    wanted = accounts.canonical_domain(name)
    if wanted.replace(".", "").isdigit():
        raise DomainInvalid(name)
    return wanted


def check_administrator(local_part: str, domain: str, password: str) -> str:
    """Return the administrator's address; raises AddressInvalid or PasswordWeak."""
    address = accounts.canonical_address(f"{local_part.strip()}@{domain}")
    if len(password) < passwords.MIN_LENGTH:
        raise PasswordWeak
    return address


def apply(w: Writer, plan: Plan, step: Callable[[str], None] = lambda _: None) -> Account:
    """Carry the plan out in one transaction, so that a failure leaves a fresh installation.

    `step` hears the name of each step as it is done: domain, hostname, administrator. Raises AccountError.
    """
    if not is_fresh(w):
        raise AlreadySetUp
    domain = accounts.add_domain(w, plan.domain)
    step("domain")
    set_hostname(w, plan.hostname)
    step("hostname")
    made = accounts.add_account(
        w, f"{plan.local_part.strip()}@{domain}", plan.password, name=plan.name.strip(), admin=True
    )
    step("administrator")
    return made
