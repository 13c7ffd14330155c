"""Secrets of webhook endpoints: made here, kept encrypted, used to sign."""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import SecretStr
from standardwebhooks import Webhook

from shared import seal

SECRET_BYTES = 32


class Seal:
    """Makes the secrets and signs with them; `keys` as for `shared.seal.Seal`."""

    def __init__(self, keys: SecretStr) -> None:
        self._seal = seal.Seal(keys)

    def new_secret(self) -> tuple[str, bytes]:
        """Make a secret: as its receiver needs it (``whsec_…``), and as it is kept."""
        secret = f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"
        return secret, self._seal.close(SecretStr(secret))

    def headers(self, kept: Sequence[bytes], event_id: UUID, at: datetime, body: bytes) -> dict[str, str]:
        """Return the headers that Standard Webhooks asks for, with a signature of each secret.

        Raises:
            UnreadableSecretError: none of the keys has encrypted one of them.

        """
        secrets_ = [self._seal.open(each).get_secret_value() for each in kept]
        text = body.decode()
        return {
            "webhook-id": str(event_id),
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(Webhook(each).sign(str(event_id), at, text) for each in secrets_),
        }
