"""Arguments of the commands about rights (RFC 4314 §7)."""

from server.imap.syntax import acl_command as c
from server.imap.syntax.rights import read_rights
from server.imap.syntax.token import Reader

MAX_IDENTIFIER = 500


def set_acl(reader: Reader) -> c.SetAcl:
    """Read setacl.

    setacl = "SETACL" SP mailbox SP identifier SP mod-rights
    """
    mailbox = _mailbox(reader)
    identifier = _identifier(reader)
    reader.space()
    text = reader.text()
    if text.startswith("+"):
        return c.SetAcl(mailbox, identifier, "+", read_rights(text[1:]))
    if text.startswith("-"):
        return c.SetAcl(mailbox, identifier, "-", read_rights(text[1:]))
    return c.SetAcl(mailbox, identifier, "", read_rights(text))


def delete_acl(reader: Reader) -> c.DeleteAcl:
    """Read deleteacl.

    deleteacl = "DELETEACL" SP mailbox SP identifier
    """
    mailbox = _mailbox(reader)
    return c.DeleteAcl(mailbox, _identifier(reader))


def get_acl(reader: Reader) -> c.GetAcl:
    return c.GetAcl(_mailbox(reader))


def list_rights(reader: Reader) -> c.ListRights:
    """Read listrights.

    listrights = "LISTRIGHTS" SP mailbox SP identifier
    """
    mailbox = _mailbox(reader)
    return c.ListRights(mailbox, _identifier(reader))


def my_rights(reader: Reader) -> c.MyRights:
    return c.MyRights(_mailbox(reader))


def _mailbox(reader: Reader) -> str:
    reader.space()
    return reader.mailbox()


def _identifier(reader: Reader) -> str:
    """An identifier that can be one; RFC 4314 §3: what cannot be prepared is BAD."""
    reader.space()
    identifier = reader.text()
    name = identifier.removeprefix("-")
    if not name or len(identifier) > MAX_IDENTIFIER or not name.isprintable():
        reader.fail("The identifier is malformed")
    return identifier
