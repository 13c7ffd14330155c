"""What the settings say of the provider of OpenID Connect at which case workers may sign in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from pydantic import AnyHttpUrl, SecretStr

from shared.models import StaffRole

SCOPE = "openid profile email"
ROUTES = ("sso", "sso-return", "sso-out")
"""The names of the ways to the provider, back from it, and to its sign-out."""


@dataclass(frozen=True, slots=True)
class Oidc:
    """A provider. `roles` are those that values of `role_claim` give; `name_claim` is what people are called here."""

    issuer: str
    client_id: str
    client_secret: SecretStr
    label: str
    name_claim: str
    role_claim: str
    roles: Mapping[str, StaffRole]
    scope: str = SCOPE

    def role_of(self, claims: Mapping[str, Any]) -> StaffRole | None:
        """The highest role that the claims give; None: they give none."""
        found = [self.roles[value] for value in _values(claims, self.role_claim) if value in self.roles]
        return max(found, key=list(StaffRole).index, default=None)

    def name_of(self, claims: Mapping[str, Any]) -> str:
        """What the person is called here, in lower case; empty if the claims do not say."""
        value = claims.get(self.name_claim)
        return value.strip().lower() if isinstance(value, str) else ""


def encrypted(issuer: AnyHttpUrl) -> AnyHttpUrl:
    """Take a provider only behind TLS, unless it is on this machine."""
    host = (issuer.host or "").strip("[]")
    is_here = host == "localhost" or (host.replace(".", "").isdigit() and ip_address(host).is_loopback)
    if issuer.scheme != "https" and not is_here:
        raise ValueError("the provider's address begins with https://")
    return issuer


def roles_of(listed: object) -> object:
    """Read ``vrs-admins=admin,vrs-desk=case_worker``."""
    if not isinstance(listed, str):
        return listed
    pairs = [part.strip().rpartition("=") for part in listed.split(",") if part.strip()]
    if wrong := [f"{value}={role}" for value, equals, role in pairs if not equals or not value]:
        raise ValueError(f"{wrong[0]} is not value=role")
    return {value.strip(): role.strip() for value, _equals, role in pairs}


def _values(claims: Mapping[str, Any], path: str) -> Iterable[str]:
    """What stands in a claim, alone or in a list; ``realm_access.roles`` goes into an object."""
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for name in path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
    each = found if isinstance(found, list) else [found]
    return [value for value in each if isinstance(value, str)]
