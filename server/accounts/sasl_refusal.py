"""Why a SASL exchange cannot lead to a sign-in, pure."""

from enum import Enum


class Fault(Enum):
    """Why an exchange ended; the value may be shown to the client."""

    MECHANISM = "this mechanism is not offered"
    UNAVAILABLE = "this mechanism cannot be used now"
    CANCELLED = "cancelled"
    TOO_LONG = "answer too long"
    BASE64 = "not base64"
    UTF8 = "not UTF-8"
    FORM = "malformed answer"
    ACTING = "acting for another user is not possible"
    # RFC 5802 §7: what server-error-value calls channel-binding-not-supported and extensions-not-supported.
    BINDING = "channel binding is not supported"
    EXTENSION = "this extension is not supported"


class SaslRefused(Exception):
    """The exchange cannot lead to a sign-in."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault
