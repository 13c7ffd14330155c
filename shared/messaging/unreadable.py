"""The id by which a message without a legible one is known everywhere: derived from its bytes."""

import hashlib
from uuid import NAMESPACE_URL, UUID, uuid5


def derived_id(consumer: str, body: bytes) -> UUID:
    """The same for each delivery of the same bytes to `consumer`, so that the second one is a duplicate."""
    return uuid5(NAMESPACE_URL, f"{consumer}/{hashlib.sha256(body).hexdigest()}")
