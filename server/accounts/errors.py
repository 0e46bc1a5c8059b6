"""What can go wrong with accounts, in words that an administrator can act on."""


class AccountError(Exception):
    """Base of what this package refuses; the text may be shown to the administrator."""


class AddressInvalid(AccountError):
    def __init__(self, address: str) -> None:
        super().__init__(f"{address!r} is not a mail address; write it as name@domain")


class DomainInvalid(AccountError):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} is not a domain name; write it as example.org")


class DomainUnknown(AccountError):
    def __init__(self, name: str) -> None:
        super().__init__(f"The domain {name} is not served here; add it first: python app.py domain add {name}")


class AddressTaken(AccountError):
    def __init__(self, address: str) -> None:
        super().__init__(f"{address} exists already")


class AccountUnknown(AccountError):
    def __init__(self, address: str) -> None:
        super().__init__(f"There is no account {address}")


class PasswordWeak(AccountError):
    def __init__(self) -> None:
        super().__init__("The password is too short; use 8 characters or more")


class AuthenticationFailed(Exception):
    """Wrong name or wrong secret; which of them is never told."""


class Throttled(Exception):
    """Too many wrong tries; `seconds` until the next one is looked at."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many tries; wait {seconds} s")
        self.seconds = seconds
