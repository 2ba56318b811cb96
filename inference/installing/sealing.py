"""Keys of servers, encrypted while they lie in Postgres and Redis.

The key of the encryption is made of SECRET_KEY, which game and workers share. Where that changes,
what was sealed cannot be opened any more, and the operator enters the key of the server again.
"""

import base64
import hmac

from cryptography.fernet import Fernet, InvalidToken

PURPOSE = b"grue: keys of servers"


class CannotOpen(Exception):
    """It was sealed with another SECRET_KEY."""


def seal(key: str, secret: str) -> str:
    return cipher(secret).encrypt(key.encode()).decode()


def unseal(sealed: str, secret: str) -> str:
    """Raises CannotOpen."""
    try:
        return cipher(secret).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise CannotOpen(
            "its key was encrypted with another SECRET_KEY: connect the server again"
        ) from None


def cipher(secret: str) -> Fernet:
    digest = hmac.digest(secret.encode(), PURPOSE, "sha256")
    return Fernet(base64.urlsafe_b64encode(digest))


def variable_of(name: str) -> str:
    """The environment variable in which a worker and its engines hold a narrator's key."""
    return f"GRUE_SERVER_KEY_{name.upper().replace('-', '_')}"
