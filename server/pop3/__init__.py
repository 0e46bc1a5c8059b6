"""The POP3 server (RFC 1939, 2449, 2595, 5034): a snapshot of INBOX for one client at a time.

`syntax` turns lines into values, `session` decides what a line means without doing anything, `connection` does it.
"""
