"""The tables that more than one service reads, as typed SQLAlchemy models. A service's own stand in its folder.

Each model's docstring names its owner: the only one that writes it. Times are timezone-aware UTC; states are real
enums; money is in integer cents. No foreign key of ours points at ``projects``: the marketplace may delete its rows.
"""

from shared.models.api import ApiKey, OrderAnswer, PreviewUse, Scope
from shared.models.desk import ArchivedLetter, DeadLetterNote, DeskAction, DeskActionLetter, LetterOutcome
from shared.models.domains import AddedDomain, DomainRegistration, RegistrationStage
from shared.models.expiries import Expiry, ExpiryKind
from shared.models.kernel import Cancellation, OpenStep, Outbox, SaidEvent, StepState
from shared.models.log import LATE, LogStatus, ProvisioningLog
from shared.models.mail_domains import MailDomain, MailSender
from shared.models.marketplace import (
    Bundle,
    BundlePlugin,
    License,
    LicenseHistory,
    LicenseState,
    PluginPrice,
    PreviewAccess,
    ProjectType,
)
from shared.models.offers import Availability, DomainOffer
from shared.models.plugins import CoreToken, DownloadOutcome, PluginChunk, PluginDownload, PluginRelease
from shared.models.projects import Project, ProjectDomain, ProjectOrder, ProvisioningState
from shared.models.reconciliation import Reconciliation
from shared.models.servers import BaseDomain, Server, ServerReach, ServerState, TypePlacement
from shared.models.staff import (
    NO_HASH,
    ProjectNote,
    ProjectOwner,
    StaffAction,
    StaffActionKind,
    StaffRole,
    StaffSession,
    StaffUser,
)
from shared.models.table import Table
from shared.models.transfers import DomainTransfer, TransferStage, TransferWithdrawal
from shared.models.webhooks import DeliveryState, WebhookDelivery, WebhookEndpoint

__all__ = [
    "LATE",
    "NO_HASH",
    "AddedDomain",
    "ApiKey",
    "ArchivedLetter",
    "Availability",
    "BaseDomain",
    "Bundle",
    "BundlePlugin",
    "Cancellation",
    "CoreToken",
    "DeadLetterNote",
    "DeliveryState",
    "DeskAction",
    "DeskActionLetter",
    "DomainOffer",
    "DomainRegistration",
    "DomainTransfer",
    "DownloadOutcome",
    "Expiry",
    "ExpiryKind",
    "LetterOutcome",
    "License",
    "LicenseHistory",
    "LicenseState",
    "LogStatus",
    "MailDomain",
    "MailSender",
    "OpenStep",
    "OrderAnswer",
    "Outbox",
    "PluginChunk",
    "PluginDownload",
    "PluginPrice",
    "PluginRelease",
    "PreviewAccess",
    "PreviewUse",
    "Project",
    "ProjectDomain",
    "ProjectNote",
    "ProjectOrder",
    "ProjectOwner",
    "ProjectType",
    "ProvisioningLog",
    "ProvisioningState",
    "Reconciliation",
    "RegistrationStage",
    "SaidEvent",
    "Scope",
    "Server",
    "ServerReach",
    "ServerState",
    "StaffAction",
    "StaffActionKind",
    "StaffRole",
    "StaffSession",
    "StaffUser",
    "StepState",
    "Table",
    "TransferStage",
    "TransferWithdrawal",
    "TypePlacement",
    "WebhookDelivery",
    "WebhookEndpoint",
]
