"""MIME structure in one place: read the tree, find a part, take its octets or its text, cut an IMAP section."""

from server.mail.mime_reader import parse
from server.mail.part import Part
from server.mail.part_content import decoded, text
from server.mail.section import Kind, part_at, section

__all__ = ["Kind", "Part", "decoded", "parse", "part_at", "section", "text"]
