"""Ed25519 over the envelopes of `contracts.core`: keys as they are written, signing, and whom to believe.

Beside the models, because both ends need it and neither may import the other. It alone needs `cryptography`.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel

from contracts.core import HEALTH_TYPE, Envelope, Signature, key_bytes, pre_authenticated


class SignatureError(Exception):
    """No key that is trusted signed this document."""


def public_key(written: str) -> Ed25519PublicKey:
    """Read a public key: 32 bytes in base64. Raises ValueError if it is none."""
    return Ed25519PublicKey.from_public_bytes(key_bytes(written))


def private_key(written: str) -> Ed25519PrivateKey:
    """Read a private key: its 32 bytes in base64. Raises ValueError if it is none."""
    return Ed25519PrivateKey.from_private_bytes(key_bytes(written))


def written(key: Ed25519PrivateKey | Ed25519PublicKey) -> str:
    """Write a key in base64url without padding."""
    raw = key.private_bytes_raw() if isinstance(key, Ed25519PrivateKey) else key.public_bytes_raw()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def key_id(key: Ed25519PublicKey) -> str:
    """Return the hint by which people tell keys apart."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def sign(keys: Sequence[Ed25519PrivateKey], payload_type: str, document: BaseModel) -> Envelope:
    """Return `document` as JSON in an envelope that each of `keys` has signed: who trusts one of them believes it."""
    payload = document.model_dump_json().encode()
    signed = pre_authenticated(payload_type, payload)
    return Envelope(
        payload_type=payload_type,
        payload=base64.b64encode(payload).decode(),
        signatures=tuple(
            Signature(keyid=key_id(key.public_key()), sig=base64.b64encode(key.sign(signed)).decode()) for key in keys
        ),
    )


def verified(envelope: Envelope, payload_type: str, trusted: Sequence[Ed25519PublicKey]) -> bytes:
    """Return the document in `envelope`.

    Raises:
        SignatureError: it is of another type, is not base64, or none of the `trusted` keys signed it.

    """
    if envelope.payload_type != payload_type:
        raise SignatureError(f"is a {envelope.payload_type}, not a {payload_type}")
    try:
        signed, content = envelope.signed_bytes, envelope.content
        signatures = [base64.b64decode(signature.sig, validate=True) for signature in envelope.signatures]
    except (ValueError, binascii.Error) as error:
        raise SignatureError(f"cannot be read: {error}") from None
    if not any(_holds(key, signature, signed) for key in trusted for signature in signatures):
        raise SignatureError("is signed by no key that is trusted here")
    return content


def sign_health(key: Ed25519PrivateKey, nonce: str, body: bytes) -> str:
    """Return the value of the signature header for a health report that was asked for with `nonce`."""
    return base64.b64encode(key.sign(_health(nonce, body))).decode()


def health_is_signed(key: Ed25519PublicKey, nonce: str, body: bytes, signature: str) -> bool:
    """Whether the owner of `key` has signed this report for who asked with `nonce`."""
    try:
        return _holds(key, base64.b64decode(signature, validate=True), _health(nonce, body))
    except binascii.Error:
        return False


def _health(nonce: str, body: bytes) -> bytes:
    return pre_authenticated(HEALTH_TYPE, nonce.encode() + b"\n" + body)


def _holds(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True
