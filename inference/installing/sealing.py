"""Encryption of the API keys of servers, for Postgres and Redis.

The encryption key is derived from SECRET_KEY, which game and workers share. When that changes, an
API key cannot be decrypted any more, and the operator enters it again.
"""

import base64
import hmac

from cryptography.fernet import Fernet, InvalidToken

PURPOSE = b"grue: keys of servers"


class CannotOpen(Exception):
    """It was sealed with another SECRET_KEY."""


def seal(key: str, secret: str) -> str:
    """Encrypt an API key. `secret` is SECRET_KEY."""
    return cipher(secret).encrypt(key.encode()).decode()


def unseal(sealed: str, secret: str) -> str:
    """Decrypt an API key. Raises CannotOpen."""
    try:
        return cipher(secret).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise CannotOpen(
            "its key was encrypted with another SECRET_KEY: connect the server again"
        ) from None


def cipher(secret: str) -> Fernet:
    """The cipher whose key is derived from SECRET_KEY."""
    digest = hmac.digest(secret.encode(), PURPOSE, "sha256")
    return Fernet(base64.urlsafe_b64encode(digest))


def variable_of(name: str) -> str:
    """The environment variable in which a worker and its engines hold a narrator's key."""
    return f"GRUE_SERVER_KEY_{name.upper().replace('-', '_')}"
