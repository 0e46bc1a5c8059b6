"""SMTP on port 25, submission on 587 and 465, LMTP on loopback. `protocol` is the only door to aiosmtpd."""
