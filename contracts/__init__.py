"""The events: the public language of VRS provisioning, and all that integrators need to know.

Pydantic models and nothing else: no I/O, no broker, no database, no import of ours. One file per publishing
service; `cloud_event` holds the CloudEvents 1.0 envelope that every event travels in.

Changes inside ``v1`` are additive. Anything else is a new type beside the old one.
"""

from contracts.bootstrap import CoreHealthy, CoreRetired, MissingPlugin, PluginsConverged
from contracts.cloud_event import CONTENT_TYPE, MAX_BYTES, CloudEvent, ContractError, decode, uuid7
from contracts.deploy import AppDeployed, AppRemoved
from contracts.desk import DeadLetterHandled, DeskActionKind
from contracts.dns import (
    CapacityNeeded,
    DnsConfigured,
    DnsRecord,
    DnsRecordsNeeded,
    DnsReleased,
    ExaminedType,
    RecordFinding,
    RecordProblem,
    RecordType,
    ServerVerdict,
    TargetServer,
)
from contracts.event import EVENTS_EXCHANGE, Event, HostName, Plugin, ServiceName, Slug, Text
from contracts.expiry import CertificateExpiring, DomainExpiring, RenewalDoubt
from contracts.failure import CustomerText, ProvisioningFailed
from contracts.mail import MailResendRequested
from contracts.marketplace import (
    Contact,
    Locale,
    PlacementStrategy,
    PluginsChanged,
    ProjectCancelled,
    ProjectOrdered,
    Registrant,
    Registration,
)
from contracts.notify import ProvisioningDelayed
from contracts.registration import (
    DomainRegistered,
    DomainRegistrationHeld,
    DomainRegistrationRequested,
    RegistrationHold,
)
from contracts.webhook import WebhookDisabled

EVENTS: dict[str, type[Event]] = {
    event.type: event
    for event in (
        ProjectOrdered,
        DomainRegistrationRequested,
        DomainRegistrationHeld,
        DomainRegistered,
        DnsConfigured,
        CapacityNeeded,
        DnsRecordsNeeded,
        AppDeployed,
        CoreHealthy,
        PluginsChanged,
        PluginsConverged,
        DomainExpiring,
        CertificateExpiring,
        ProvisioningDelayed,
        ProvisioningFailed,
        MailResendRequested,
        ProjectCancelled,
        DnsReleased,
        AppRemoved,
        CoreRetired,
        DeadLetterHandled,
        WebhookDisabled,
    )
}
"""Every event by its CloudEvents ``type``, in the order of the choreography."""

__all__ = [
    "CONTENT_TYPE",
    "EVENTS",
    "EVENTS_EXCHANGE",
    "MAX_BYTES",
    "AppDeployed",
    "AppRemoved",
    "CapacityNeeded",
    "CertificateExpiring",
    "CloudEvent",
    "Contact",
    "ContractError",
    "CoreHealthy",
    "CoreRetired",
    "CustomerText",
    "DeadLetterHandled",
    "DeskActionKind",
    "DnsConfigured",
    "DnsRecord",
    "DnsRecordsNeeded",
    "DnsReleased",
    "DomainExpiring",
    "DomainRegistered",
    "DomainRegistrationHeld",
    "DomainRegistrationRequested",
    "Event",
    "ExaminedType",
    "HostName",
    "Locale",
    "MailResendRequested",
    "MissingPlugin",
    "PlacementStrategy",
    "Plugin",
    "PluginsChanged",
    "PluginsConverged",
    "ProjectCancelled",
    "ProjectOrdered",
    "ProvisioningDelayed",
    "ProvisioningFailed",
    "RecordFinding",
    "RecordProblem",
    "RecordType",
    "Registrant",
    "Registration",
    "RegistrationHold",
    "RenewalDoubt",
    "ServerVerdict",
    "ServiceName",
    "Slug",
    "TargetServer",
    "Text",
    "WebhookDisabled",
    "decode",
    "uuid7",
]
