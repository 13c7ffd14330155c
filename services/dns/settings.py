"""Settings of dns, beside those that every service has."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl, SecretStr, field_validator
from pydantic_settings import NoDecode

from contracts import HostName, PlacementStrategy
from services.dns.authority import ServerAddress
from services.dns.placement import Weights
from services.dns.tan import normalised_secret
from shared import seal
from shared.settings import Seconds, Settings

Weight = Annotated[float, Field(ge=0, le=100)]

_PORTS = range(1, 65_536)


def _servers(value: Any) -> Any:
    """Read ``host:port,[2001:db8::1]:53,host``; the port is 53 where it is left out."""
    if not isinstance(value, str):
        return value
    return tuple(_server(part.strip()) for part in value.split(",") if part.strip())


def _server(text: str) -> ServerAddress:
    host, _, port = text.rpartition(":") if not text.endswith("]") else (text, "", "53")
    if not host:
        host, port = text, "53"
    host = host.removeprefix("[").removesuffix("]")
    if not port.isdecimal() or int(port) not in _PORTS:
        raise ValueError(f"{text!r} is no name server: expected host:port")
    return ServerAddress(host, int(port))


def _names(value: Any) -> Any:
    return tuple(name.strip().lower() for name in value.split(",") if name.strip()) if isinstance(value, str) else value


class PlacementSettings(Settings):
    """How a server is chosen where neither the order nor its project type says so, and what counts in a load."""

    placement: PlacementStrategy = PlacementStrategy.LEAST_LOADED
    placement_weight_ram: Weight = 1.0
    placement_weight_cpu: Weight = 1.0
    placement_weight_projects: Weight = 1.0

    @property
    def weights(self) -> Weights:
        """How much memory, cores and number of projects count in a server's load."""
        return Weights(
            ram=self.placement_weight_ram, cpu=self.placement_weight_cpu, projects=self.placement_weight_projects
        )


class DnsSettings(PlacementSettings):
    """`dns_servers` are asked instead of the zones' own name servers; empty in production.

    `inwx_name_servers` are those of the domains that we register. TTL in seconds, INWX's bounds. A customer who must
    set records is waited for `customer_days`; dns looks again after `customer_look_after` seconds, later and later
    until `customer_look_at_most` (at most 300, the kernel's). `inwx_grace` is how long after its call a create without
    an answer may still be done. A transfer on which nobody decides in `transfer_days` is given up; `transfer_key` reads
    the auth codes that the marketplace has encrypted (`shared.seal`). After `dns_due` seconds its step counts as late,
    after `dns_deadline` it is given up; from its end `deploy_due` counts. So many `retention_days` after a project was
    cancelled its customer's contact is removed. Without `brevo_api_key` no mail is set up.
    """

    inwx_url: HttpUrl = HttpUrl("https://api.domrobot.com/jsonrpc/")
    inwx_user: str = Field(min_length=1)
    inwx_password: SecretStr = Field(min_length=1)
    inwx_totp_secret: SecretStr | None = None
    inwx_grace: float = Field(default=90.0, ge=0, le=3600)
    transfer_key: Annotated[SecretStr, AfterValidator(seal.checked)] | None = None
    transfer_days: float = Field(default=14.0, gt=0, le=365)
    inwx_name_servers: Annotated[tuple[HostName, ...], NoDecode, BeforeValidator(_names), Field(min_length=2)] = (
        "ns.inwx.de",
        "ns2.inwx.de",
        "ns3.inwx.eu",
    )
    brevo_url: HttpUrl = HttpUrl("https://api.brevo.com/v3")
    brevo_api_key: SecretStr | None = None
    dns_servers: Annotated[tuple[ServerAddress, ...], NoDecode, BeforeValidator(_servers)] = ()
    record_ttl: int = Field(default=300, ge=300, le=864_000)
    customer_days: float = Field(default=30.0, gt=0, le=365)
    customer_look_after: float = Field(default=30.0, gt=0, le=300)
    customer_look_at_most: float = Field(default=300.0, gt=0, le=300)
    dns_due: Seconds = 300.0
    dns_deadline: Seconds = 1800.0
    deploy_due: Seconds = 600.0
    retention_days: float = Field(default=90.0, gt=0, le=3650)

    @field_validator("inwx_url")
    @classmethod
    def _json_rpc(cls, url: HttpUrl) -> HttpUrl:
        if not (url.path or "").endswith("/"):
            raise ValueError("must end with a slash, as in https://api.domrobot.com/jsonrpc/")
        return url

    @field_validator("brevo_api_key")
    @classmethod
    def _given(cls, key: SecretStr | None) -> SecretStr | None:
        return key if key and key.get_secret_value() else None

    @field_validator("inwx_totp_secret")
    @classmethod
    def _base32(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is None or not secret.get_secret_value():
            return None
        return SecretStr(normalised_secret(secret.get_secret_value()))
