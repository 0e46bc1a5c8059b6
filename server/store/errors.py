"""Why the store refuses. Each protocol maps these to its own reply; the texts are for logs and for our own screens."""


class StoreError(Exception):
    """The store did not do what was asked; nothing has changed."""


class NoSuchMailbox(StoreError):
    """No mailbox has this name or id (any more)."""


class NoSuchMessage(StoreError):
    """The message is gone, most likely expunged by another session."""


class OctetsDamaged(NoSuchMessage):
    """The message is in its mailbox, and its octets cannot be read any more (`verify` names it)."""


class MailboxExists(StoreError):
    """The name is taken."""


class CannotDelete(StoreError):
    """INBOX, or a mailbox that has mailboxes below it."""


class HasChildren(CannotDelete):
    """Mailboxes below it must go first."""


class IsVirtual(StoreError):
    """A virtual mailbox is a view: mail is not put into it, and it keeps its name and place."""


class NameInvalid(StoreError):
    """Not a name that a mailbox may have."""


class OverQuota(StoreError):
    """The account has no room for this message."""


class TooBig(StoreError):
    """The message is larger than this installation takes."""


class TooManyKeywords(StoreError):
    """A flag is no atom, or the account or the message has all the keywords it may have."""


class AnnotationTooBig(StoreError):
    """The value of an annotation is larger than any may be."""


class TooManyAnnotations(StoreError):
    """The mailbox, or the account, has all the annotations it may have."""


class QueryTooComplex(StoreError):
    """A search has too many terms or is nested too deeply."""


class TooManyEntries(StoreError):
    """The access control list of a mailbox has all the lines it may have."""
