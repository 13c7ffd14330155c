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
from contracts.domains import (
    AppRouted,
    DomainAdded,
    DomainConnected,
    DomainRemoved,
    PrimaryDomainChanged,
    RoutedDomain,
    RoutesChanged,
)
from contracts.event import EVENTS_EXCHANGE, Event, HostName, Plugin, ServiceName, Slug, Text
from contracts.expiry import CertificateExpiring, DomainExpiring, RenewalDoubt
from contracts.failure import CustomerText, ProvisioningFailed
from contracts.mail import (
    MailDomainReady,
    MailDomainReleased,
    MailDomainRequested,
    MailFinding,
    MailProblem,
    MailRecord,
    MailRecordsNeeded,
    MailRecordType,
)
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
from contracts.resend import MailResendRequested
from contracts.transfer import (
    DomainTransferFailed,
    DomainTransferred,
    DomainTransferRequested,
    DomainTransferStarted,
    TransferProblem,
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
        DomainTransferRequested,
        DomainTransferStarted,
        DomainTransferFailed,
        DomainTransferred,
        DomainAdded,
        PluginsChanged,
        PluginsConverged,
        MailDomainRequested,
        MailRecordsNeeded,
        MailDomainReady,
        DomainAdded,
        DomainRemoved,
        PrimaryDomainChanged,
        RoutesChanged,
        AppRouted,
        DomainConnected,
        DomainExpiring,
        CertificateExpiring,
        ProvisioningDelayed,
        ProvisioningFailed,
        MailResendRequested,
        ProjectCancelled,
        DnsReleased,
        MailDomainReleased,
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
    "AppRouted",
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
    "DomainAdded",
    "DomainConnected",
    "DomainExpiring",
    "DomainRegistered",
    "DomainRegistrationHeld",
    "DomainRegistrationRequested",
    "DomainRemoved",
    "DomainTransferFailed",
    "DomainTransferRequested",
    "DomainTransferStarted",
    "DomainTransferred",
    "Event",
    "ExaminedType",
    "HostName",
    "Locale",
    "MailDomainReady",
    "MailDomainReleased",
    "MailDomainRequested",
    "MailFinding",
    "MailProblem",
    "MailRecord",
    "MailRecordType",
    "MailRecordsNeeded",
    "MailResendRequested",
    "MissingPlugin",
    "PlacementStrategy",
    "Plugin",
    "PluginsChanged",
    "PluginsConverged",
    "PrimaryDomainChanged",
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
    "RoutedDomain",
    "RoutesChanged",
    "ServerVerdict",
    "ServiceName",
    "Slug",
    "TargetServer",
    "Text",
    "TransferProblem",
    "WebhookDisabled",
    "decode",
    "uuid7",
]
