"""Secrets that must be kept for a while: encrypted by a key that stands in a setting, never in the database."""

from typing import TYPE_CHECKING

from pydantic import SecretStr

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


class UnreadableSecretError(Exception):
    """A secret was encrypted with a key that we do not have."""


class Seal:
    """Encrypts secrets with the first of the keys, and reads what any of them has encrypted."""

    def __init__(self, keys: SecretStr) -> None:
        """Take the setting: a Fernet key, or two with a comma between them while one is replaced.

        Raises:
            ValueError: one is no such key.

        """
        self._keys = _read(keys)

    def close(self, secret: SecretStr) -> bytes:
        """Encrypt it."""
        return self._keys.encrypt(secret.get_secret_value().encode())

    def open(self, kept: bytes) -> SecretStr:
        """Decrypt it.

        Raises:
            UnreadableSecretError: none of the keys has encrypted it.

        """
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - as below

        try:
            return SecretStr(self._keys.decrypt(kept).decode())
        except InvalidToken:
            raise UnreadableSecretError from None


def checked(keys: SecretStr) -> SecretStr:
    """For settings: the keys as they are, if they are keys."""
    _read(keys)
    return keys


def _read(keys: SecretStr) -> "MultiFernet":
    # cryptography takes 9 MB; a service without such a key has none.
    from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415

    try:
        return MultiFernet([Fernet(key.strip()) for key in keys.get_secret_value().split(",")])
    except ValueError:
        remedy = "`openssl rand -base64 32 | tr +/ -_` makes one"
        raise ValueError(f"expected 32 bytes in base64url, with a comma between several; {remedy}") from None
