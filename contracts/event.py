"""What every event has: a wire name, the services that must hear it, and facts that never change."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import AwareDatetime, BeforeValidator, ConfigDict, StringConstraints

from contracts.documented import Documented


class ServiceName(StrEnum):
    """The services that publish and consume events."""

    MARKETPLACE = "marketplace"
    DNS = "dns"
    DEPLOY = "deploy"
    BOOTSTRAP = "bootstrap"
    NOTIFY = "notify"


EVENTS_EXCHANGE = "vrs.events"
"""The durable topic exchange on which every event travels, under its routing key."""

NO_CONTROL_CHARACTERS = r"^[^\x00-\x1f\x7f]*$"
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"

Text = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=NO_CONTROL_CHARACTERS)]
"""One line of text, 1-500 characters, no control characters (PostgreSQL refuses U+0000)."""

Slug = Annotated[str, StringConstraints(pattern=rf"^{LABEL}$")]
"""A single DNS label (RFC 1035): 1-63 of a-z, 0-9 and inner hyphens."""

HostName = Annotated[str, StringConstraints(max_length=253, pattern=rf"^(?:{LABEL}\.)+{LABEL}$")]
"""A lower-case host name of two labels or more without trailing dot; IDN as A-labels (``xn--…``)."""

PublicKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{43}=$")]
"""An Ed25519 public key (RFC 8032): 32 bytes in base64."""

ReasonCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
"""A stable, machine-readable cause, for example ``inwx_2303``."""


def _no_text(value: Any) -> Any:
    if isinstance(value, str | bool):
        raise ValueError(f"{str(value)[:50]!r} is not a whole number")  # noqa: TRY004 - pydantic's
    return value


WHOLE_NUMBER = BeforeValidator(_no_text)
"""What ``type: integer`` says: no number in text, no true for 1."""


def _timestamp(value: Any) -> Any:
    if not isinstance(value, str | datetime) or (isinstance(value, str) and "T" not in value.upper()):
        raise ValueError(f"{str(value)[:50]!r} is not a time such as 2026-01-31T12:00:00Z")
    return value


Timestamp = Annotated[AwareDatetime, BeforeValidator(_timestamp)]
"""What ``format: date-time`` says (RFC 3339)."""


class Facts(Documented):
    """An immutable group of facts inside an event. Unknown fields are ignored: old readers survive."""

    model_config = ConfigDict(frozen=True, extra="ignore")


Version = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$")]
"""A plugin's version."""


class Plugin(Facts):
    """A licensed plugin in exactly this version."""

    name: Slug
    """The plugin's name in the catalogue."""
    version: Version
    """The version that is licensed."""


class Event(Facts):
    """Something that became true. Past tense; 3-12 facts, never a row dump, never a secret.

    ``type`` is the wire name for ever. ``required_by`` names the services that must be listening: the
    publisher declares their queues (``<service>.<event-with-hyphens>``) before its first publish, and an
    event that no queue takes stays in the outbox and raises an alarm. Empty: whoever likes may listen.
    """

    type: ClassVar[str]
    changes: ClassVar[tuple[str, ...]]
    """What integrators read in the changelog: a line for each version that changed the contract, oldest first."""
    required_by: ClassVar[tuple[ServiceName, ...]] = ()

    @classmethod
    def routing_key(cls) -> str:
        """AMQP routing key on exchange ``vrs.events``: the type without its ``vrs.``."""
        return cls.type.removeprefix("vrs.")

    @classmethod
    def schema_id(cls) -> str:
        """The ``$id`` of the event's JSON Schema; its ``#data`` is the schema of the data alone."""
        return f"urn:vrs:contract:{cls.routing_key()}"

    @classmethod
    def hyphenated(cls) -> str:
        """The event's name inside queue names: ``project-ordered`` for ``vrs.project.ordered.v1``."""
        return cls.routing_key().rsplit(".v", 1)[0].replace(".", "-")
