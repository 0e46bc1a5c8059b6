"""Text of documents that come attached to mail: Office, OpenDocument, PDF, plain text and HTML.

The readers are pure: octets in, pieces of text out, whatever the octets. What is cheap is read where a message is stored;
PDF, and what is large, in a process of its own (`process`), for a hostile file must hurt nothing but itself.
"""
