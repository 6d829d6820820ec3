"""Encryption of personal data: envelope, fields, blind index, passwords, tokens."""
