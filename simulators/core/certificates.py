"""The proxy's certificates: an authority made at start, and one certificate per host name."""

import ssl
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=90)  # as Let's Encrypt's
DEFAULT_NAME = "TRAEFIK DEFAULT CERT"


class Authority:
    """Signs for any host name. `ca_file` is what a client must trust; nothing leaves `folder`.

    All methods block for about a millisecond: one EC key serves every host, so a certificate costs a signature.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = count()
        self._ca_key = ec.generate_private_key(ec.SECP256R1())
        self._host_key = ec.generate_private_key(ec.SECP256R1())
        self._ca = self._self_signed()
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(self._ca.public_bytes(serialization.Encoding.PEM))

    def context_for(self, host: str) -> ssl.SSLContext:
        """Serves a certificate for `host` that the authority signed. Raises ValueError if it is no host name."""
        key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._ca_key.public_key())
        builder = (
            self._builder("customer project", self._ca.subject, self._host_key)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(key_id, critical=False)
        )
        return self._context(builder.sign(self._ca_key, hashes.SHA256()))

    def default_context(self) -> ssl.SSLContext:
        """Serves what Traefik shows for a host it does not know: a self-signed certificate nobody trusts."""
        name = _name(DEFAULT_NAME)
        builder = self._builder(DEFAULT_NAME, name, self._host_key).add_extension(
            x509.SubjectAlternativeName([x509.DNSName("traefik.default")]), critical=False
        )
        return self._context(builder.sign(self._host_key, hashes.SHA256()))

    def _self_signed(self) -> x509.Certificate:
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        name = "vrs-core simulator CA"
        return (
            self._builder(name, _name(name), self._ca_key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._ca_key, hashes.SHA256())
        )

    def _builder(self, subject: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        start = datetime.now(UTC) - timedelta(hours=1)
        return (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + LIFETIME)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )

    def _context(self, certificate: x509.Certificate) -> ssl.SSLContext:
        # ssl loads from files only.
        file = self._folder / f"{next(self._files)}.pem"
        key = self._host_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        file.write_bytes(key + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        file.unlink()
        return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
