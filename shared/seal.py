"""Secrets that must be kept for a while: encrypted by a key that stands in a setting, never in the database."""

import re
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import SecretStr

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


FORM = re.compile(r"[A-Za-z0-9_+/-]{43}=")  # Fernet reads both alphabets of base64


class UnreadableSecretError(Exception):
    """A secret was encrypted with a key that we do not have."""


class Seal:
    """Encrypts secrets with the first of the keys, and reads what any of them has encrypted."""

    def __init__(self, keys: SecretStr) -> None:
        """Take the setting: a Fernet key, or two with a comma between them while one is replaced.

        Raises:
            ValueError: one is no such key.

        """
        checked(keys)
        self._written = keys

    @cached_property
    def _keys(self) -> "MultiFernet":
        # cryptography takes 9 MB: not before the first secret.
        from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415

        return MultiFernet([Fernet(key) for key in _each(self._written)])

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
    """For settings: the keys as they are, if they are keys. Any 32 bytes are one (Fernet's specification)."""
    if not all(FORM.fullmatch(key) for key in _each(keys)):
        remedy = "`openssl rand -base64 32 | tr +/ -_` makes one"
        raise ValueError(f"expected 32 bytes in base64url, with a comma between several; {remedy}")
    return keys


def _each(keys: SecretStr) -> list[str]:
    return [key.strip() for key in keys.get_secret_value().split(",")]
