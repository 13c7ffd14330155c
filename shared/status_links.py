"""Links to customers' status pages: the project's id and a MAC over it, so that nothing has to be stored.

Whoever knows the key makes the link, whoever has the link may look; an id alone leads nowhere.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from uuid import UUID

from pydantic import SecretStr

SHORTEST_KEY = 32
"""Characters."""

_MAC_BYTES = 16
_PURPOSE = b"status page "


def keys_of(written: SecretStr) -> tuple[bytes, ...]:
    """Read the setting: a key, or two with a comma between them while one is replaced.

    Raises:
        ValueError: one is too short to be a secret.

    """
    keys = tuple(key.strip().encode() for key in written.get_secret_value().split(","))
    if any(len(key) < SHORTEST_KEY for key in keys):
        raise ValueError(f"each key has at least {SHORTEST_KEY} characters; `openssl rand -base64 48` makes one")
    return keys


def checked(written: SecretStr) -> SecretStr:
    """For settings: the keys as they are, if they are keys."""
    keys_of(written)
    return written


class StatusLinks:
    """Makes links with the first key, and knows those that any of them made. `site` is where people reach us."""

    def __init__(self, keys: Sequence[bytes], site: str) -> None:
        self._keys = keys
        self._site = site.rstrip("/")

    def link(self, project_id: UUID) -> str:
        """Return the address of the project's status page."""
        return f"{self._site}/status/{_token(self._keys[0], project_id)}"

    def project_of(self, token: str) -> UUID | None:
        """Tell which project a link is for; None if we did not make it. Compared in constant time."""
        try:
            project_id = UUID(bytes=base64.urlsafe_b64decode(f"{token}=")[:16])
        except (ValueError, binascii.Error):
            return None
        known = [hmac.compare_digest(_token(key, project_id).encode(), token.encode()) for key in self._keys]
        return project_id if any(known) else None


def _token(key: bytes, project_id: UUID) -> str:
    mac = hmac.digest(key, _PURPOSE + project_id.bytes, "sha256")[:_MAC_BYTES]
    return base64.urlsafe_b64encode(project_id.bytes + mac).rstrip(b"=").decode()
