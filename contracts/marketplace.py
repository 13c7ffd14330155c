"""What the marketplace says: a project was ordered, its plugins have changed, it was cancelled."""

from enum import StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import (
    ConfigDict,
    EmailStr,
    Field,
    StrictBool,
    StringConstraints,
    model_validator,
)

from contracts.event import WHOLE_NUMBER, Event, Facts, HostName, Plugin, ServiceName, Slug, Text


class Locale(StrEnum):
    """The language in which the customer is addressed."""

    DE = "de"
    EN = "en"


class PlacementStrategy(StrEnum):
    """How dns chooses the server: the emptiest, each in turn, the emptiest of a region, or one filled after another."""

    LEAST_LOADED = "least_loaded"
    ROUND_ROBIN = "round_robin"
    REGION = "region"
    PACK = "pack"


class Contact(Facts):
    """The customer's contact. It travels in ProjectOrdered and nowhere else."""

    name: Text
    """How the customer is addressed."""
    email: EmailStr
    """Where the customer's mails go."""


Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
"""A country's two letters (ISO 3166-1)."""

Phone = Annotated[str, StringConstraints(pattern=r"^\+[0-9]{1,3}\.[0-9]{4,14}$")]
"""A telephone number as registries take it: country code, dot, digits (RFC 5733), for example ``+49.301234567``."""


class Registrant(Facts):
    """Who will own a domain, as its registry must know them. It travels in ProjectOrdered and nowhere else."""

    name: Text
    """First and last name; of an organisation, of whoever speaks for it."""
    organisation: Text | None = None
    """The organisation that will be the owner; absent: the person."""
    street: Text
    """Street and number, no post box."""
    postal_code: Text
    """The postal code."""
    city: Text
    """The city."""
    state: Text | None = None
    """State or province, where addresses have one."""
    country: Country
    """The address's country."""
    citizenship: Country | None = None
    """The person's country of citizenship; .eu asks for it if the address is outside the EU."""
    phone: Phone
    """The telephone number."""
    email: EmailStr
    """Where the registry's mails go; some must be answered."""


class Registration(Facts):
    """A domain that is to be registered for the customer, and what that may cost."""

    registrant: Registrant
    """The domain's owner to be."""
    max_cents: Annotated[int, Field(ge=0), WHOLE_NUMBER]
    """What the first year may cost us, in cents of euros, without asking a case worker."""


class ProjectOrdered(Event):
    """A customer ordered and paid for a project. The CloudEvent's subject is the project's id.

    Either ``base_domain`` (the project lives at ``slug.base_domain``) or ``own_domain`` (at that name and its
    ``www``) is given, not both.
    """

    type: ClassVar[str] = "vrs.project.ordered.v1"
    changes: ClassVar[tuple[str, ...]] = (
        "0.1.0: first version.",
        "0.2.0: `placement` may be `pack`; `registration`; notify must hear it, too.",
    )
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.DNS, ServiceName.NOTIFY)

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": [name], "properties": {name: {"type": "string"}}} for name in ("base_domain", "own_domain")
            ],
            "if": {"required": ["registration"], "properties": {"registration": {"type": "object"}}},
            "then": {"required": ["own_domain"], "properties": {"own_domain": {"type": "string"}}},
        }
    )

    slug: Slug
    """The project's short name: its label below ``base_domain``, unique among the projects."""
    base_domain: HostName | None = None
    """One of our domains, for a project at ``slug.base_domain``. Not with ``own_domain``."""
    own_domain: HostName | None = None
    """The customer's domain, for a project at that name and its ``www``. Not with ``base_domain``."""
    project_type: Slug = "vrs-core"
    """What is installed."""
    plan: Slug
    """The plan that was paid for."""
    plugins: Annotated[tuple[Plugin, ...], Field(max_length=100)] = ()
    """The licensed plugins, each once, in the versions to install."""
    customer: Contact
    """Whom we tell."""
    locale: Locale = Locale.DE
    """The language in which the customer is addressed."""
    placement: PlacementStrategy | None = None
    """How the server is chosen; absent: as dns is configured."""
    region: Slug | None = None
    """Where the server must stand; absent: anywhere."""
    registration: Registration | None = None
    """Given: ``own_domain`` is to be registered for the customer. Absent: they have it already."""

    @model_validator(mode="after")
    def _one_domain(self) -> Self:
        if (self.base_domain is None) == (self.own_domain is None):
            raise ValueError("give exactly one of base_domain and own_domain")
        if self.registration is not None and self.own_domain is None:
            raise ValueError("registration goes with own_domain only")
        names = [plugin.name for plugin in self.plugins]
        if len(names) != len(set(names)):
            raise ValueError("name each plugin once")
        return self

    @property
    def fqdn(self) -> str:
        """The host name under which the project goes live."""
        return self.own_domain or f"{self.slug}.{self.base_domain}"


class PluginsChanged(Event):
    """Plugins of a project were bought, or their licences have ended; its vrs-core is to have what is licensed now."""

    type: ClassVar[str] = "vrs.plugins.changed.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.1.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.BOOTSTRAP,)

    plugins: Annotated[tuple[Plugin, ...], Field(max_length=100)]
    """Everything that the project is licensed for from now on, each once."""
    changed: Annotated[tuple[Slug, ...], Field(min_length=1, max_length=100)]
    """The plugins whose licences are new, have another version, or have ended."""
    requested_by: Text
    """Who asked for it: a person or a system."""


class ProjectCancelled(Event):
    """The project is to be undone: by each service exactly what it did. Cannot be taken back."""

    type: ClassVar[str] = "vrs.project.cancelled.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.1.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (
        ServiceName.DNS,
        ServiceName.DEPLOY,
        ServiceName.BOOTSTRAP,
        ServiceName.NOTIFY,
    )
    undone_by: ClassVar[frozenset[ServiceName]] = frozenset(
        {ServiceName.DNS, ServiceName.DEPLOY, ServiceName.BOOTSTRAP}
    )
    """The project is cancelled when each of these has undone its part."""

    reason: Text
    """Why, in words for case workers."""
    requested_by: Text
    """Who asked for it: a person or a system."""
    keep_volumes: StrictBool = True
    """Whether the app's data are kept when it is removed."""
