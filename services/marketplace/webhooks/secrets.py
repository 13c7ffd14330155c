"""Secrets of webhook endpoints: made here, kept encrypted, used to sign."""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr
from standardwebhooks import Webhook

SECRET_BYTES = 32


class UnreadableSecretError(Exception):
    """A secret was encrypted with a key that we do not have."""


class Seal:
    """Encrypts secrets with the first of the keys, and reads what any of them has encrypted."""

    def __init__(self, keys: SecretStr) -> None:
        """Take the setting: a Fernet key, or two with a comma between them while one is replaced.

        Raises:
            ValueError: one is no such key.

        """
        try:
            self._keys = MultiFernet([Fernet(key.strip()) for key in keys.get_secret_value().split(",")])
        except ValueError:
            remedy = "`openssl rand -base64 32 | tr +/ -_` makes one"
            raise ValueError(f"expected 32 bytes in base64url, with a comma between several; {remedy}") from None

    def new_secret(self) -> tuple[str, bytes]:
        """Make a secret: as its receiver needs it (``whsec_…``), and as it is kept."""
        secret = f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"
        return secret, self._keys.encrypt(secret.encode())

    def headers(self, kept: Sequence[bytes], event_id: UUID, at: datetime, body: bytes) -> dict[str, str]:
        """Return the headers that Standard Webhooks asks for, with a signature of each secret.

        Raises:
            UnreadableSecretError: none of the keys has encrypted one of them.

        """
        try:
            secrets_ = [self._keys.decrypt(each).decode() for each in kept]
        except InvalidToken:
            raise UnreadableSecretError from None
        text = body.decode()
        return {
            "webhook-id": str(event_id),
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(Webhook(each).sign(str(event_id), at, text) for each in secrets_),
        }


def checked(keys: SecretStr) -> SecretStr:
    """For settings: the keys as they are, if they are keys."""
    Seal(keys)
    return keys
