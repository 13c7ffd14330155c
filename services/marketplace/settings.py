"""What the marketplace service is told by its environment."""

from ipaddress import ip_network
from typing import TYPE_CHECKING, Annotated

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import NoDecode

from contracts import ServiceName
from contracts.core import key_bytes
from services.marketplace.oidc import Oidc, encrypted, roles_of
from services.marketplace.webhooks.guard import Network
from shared import seal
from shared.models import StaffRole
from shared.settings import Seconds, Settings
from shared.status_links import StatusLinks, checked, keys_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def _readable(keys: SecretStr) -> SecretStr:
    for key in keys.get_secret_value().split(","):
        key_bytes(key)
    return keys


def _addresses(listed: object) -> object:
    """Read ``dns=http://dns:8080/health/ready,deploy=…``."""
    if not isinstance(listed, str):
        return listed
    pairs = [part.strip().partition("=") for part in listed.split(",") if part.strip()]
    if unknown := [name for name, _equals, _url in pairs if name not in set(ServiceName)]:
        raise ValueError(f"{unknown[0]!r} is no service, write service=URL; there are {', '.join(ServiceName)}")
    return {name: url for name, _equals, url in pairs}


def _networks(listed: object) -> object:
    if not isinstance(listed, str):
        return listed
    return tuple(ip_network(network) for network in map(str.strip, listed.split(",")) if network)


class MarketplaceSettings(Settings):
    """`manifest_key` is the Ed25519 private key (32 bytes in base64) with which projects' manifests are signed.

    While it is replaced there are two, with a comma between them: both sign, whichever a vrs-core trusts. Without a
    key no vrs-core gets a manifest, and the routes for it answer 503. A token that a vrs-core was given with its
    manifest ends after `core_token_days`; it gets a new one in the second half of that time.

    The order API answers `api_rate_limit` requests a minute of each key, in each process; a body of more than
    `api_body_bytes` is refused. `marketplace_url` is where people reach this service: what preview links begin with.
    `admin_key` signs the forms of the admin UI; without one each process has its own, until it ends.
    `status_key` makes the links of customers' status pages, here and in notify; without it there are none. While it is
    replaced there are two, with a comma between them: the first makes links, those of both are known.

    Whether a domain is free and what it costs is asked of dns, for at most `offer_seconds`; 0: never.

    `webhook_key` encrypts the secrets of webhooks (a Fernet key; two while it is replaced, the first encrypts); without
    it there are none. They go to public addresses, and into `webhook_networks`, then without TLS too.

    `oidc_issuer` is a provider of OpenID Connect at which case workers may sign in, with `oidc_client_id` and
    `oidc_client_secret`; off without it. People are called by the claim `oidc_name_claim` of the ID token; values of
    the claim `oidc_role_claim` give roles, as `oidc_roles` says. `oidc_label` is what the button says.

    `health_urls` is where the services say whether they are ready, for the overview of the admin UI.
    `transfer_key`, of the same form, encrypts the auth codes of domains that are to be transferred, for dns, which has
    it too; without it no transfer can be asked for.
    """

    http_host: str = "0.0.0.0"  # noqa: S104 - a container's port is asked from outside
    http_port: int | None = Field(default=None, ge=0, le=65535)
    manifest_key: Annotated[SecretStr, AfterValidator(_readable)] | None = None
    core_token_days: float = Field(default=30.0, gt=0, le=3650)
    api_rate_limit: int = Field(default=600, ge=1, le=1_000_000)
    api_body_bytes: int = Field(default=65_536, ge=1024, le=10_000_000)
    marketplace_url: AnyHttpUrl | None = None
    admin_key: Annotated[SecretStr, Field(min_length=32)] | None = None
    status_key: Annotated[SecretStr, AfterValidator(checked)] | None = None
    webhook_key: Annotated[SecretStr, AfterValidator(seal.checked)] | None = None
    transfer_key: Annotated[SecretStr, AfterValidator(seal.checked)] | None = None
    webhook_networks: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)] = ()
    health_urls: Annotated[dict[ServiceName, AnyHttpUrl], NoDecode, BeforeValidator(_addresses)] = Field(
        default_factory=dict
    )
    offer_seconds: float = Field(default=3.0, ge=0, le=30)
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_roles: Annotated[dict[str, StaffRole], NoDecode, BeforeValidator(roles_of)] = Field(default_factory=dict)
    oidc_role_claim: str = "groups"
    oidc_name_claim: str = "preferred_username"
    oidc_label: str = "Single Sign-on"
    oidc_issuer: Annotated[AnyHttpUrl, AfterValidator(encrypted)] | None = None
    dns_due: Seconds = 300.0

    @field_validator("oidc_issuer")
    @classmethod
    def _has_all(cls, issuer: AnyHttpUrl | None, given: ValidationInfo) -> AnyHttpUrl | None:
        needed = ("oidc_client_id", "oidc_client_secret", "oidc_roles")
        if issuer is not None and (missing := [name for name in needed if not given.data.get(name)]):
            raise ValueError(f"needs {', '.join(f'VRS_{name.upper()}' for name in missing)} beside it")
        return issuer

    @property
    def signing_keys(self) -> tuple["Ed25519PrivateKey", ...]:
        """The keys of `manifest_key`."""
        # With cryptography, which takes 8 MB: not before the first vrs-core asks.
        from contracts.signatures import private_key  # noqa: PLC0415

        written = self.manifest_key.get_secret_value().split(",") if self.manifest_key else ()
        return tuple(private_key(key) for key in written)

    @property
    def oidc(self) -> Oidc | None:
        """The provider at which people may sign in."""
        if self.oidc_issuer is None or self.oidc_client_id is None or self.oidc_client_secret is None:
            return None
        return Oidc(
            issuer=str(self.oidc_issuer).rstrip("/"),
            client_id=self.oidc_client_id,
            client_secret=self.oidc_client_secret,
            label=self.oidc_label,
            name_claim=self.oidc_name_claim,
            role_claim=self.oidc_role_claim,
            roles=self.oidc_roles,
        )

    def status_links(self, asked: str) -> StatusLinks | None:
        """The links of status pages, None without a key; `asked` is the address that was asked."""
        return StatusLinks(keys_of(self.status_key), str(self.marketplace_url or asked)) if self.status_key else None
