"""What marketplace may do in the database: with its own tables everything, and what the order API needs."""

from shared import registrations, transfers
from shared.grants import ALL, Grant, May
from shared.models import (
    AddedDomain,
    ApiKey,
    ArchivedLetter,
    BaseDomain,
    Bundle,
    BundlePlugin,
    Cancellation,
    CoreToken,
    DeadLetterNote,
    DeskAction,
    DeskActionLetter,
    DomainOffer,
    DomainRegistration,
    DomainTransfer,
    Expiry,
    License,
    LicenseHistory,
    MailDomain,
    OpenStep,
    OrderAnswer,
    PluginChunk,
    PluginDownload,
    PluginPrice,
    PluginRelease,
    PreviewAccess,
    PreviewUse,
    Project,
    ProjectDomain,
    ProjectNote,
    ProjectOrder,
    ProjectOwner,
    ProjectType,
    ProvisioningLog,
    SaidEvent,
    Server,
    StaffAction,
    StaffSession,
    StaffUser,
    TransferWithdrawal,
    WebhookDelivery,
    WebhookEndpoint,
)

_RETRIES = (
    Grant(OpenStep, (May.READ,)),
    Grant(DeskAction, (May.READ, May.ADD, May.CHANGE), ("ended_at", "detail")),
    Grant(DeskActionLetter, (May.READ, May.ADD, May.CHANGE), ("outcome",)),
    Grant(ArchivedLetter, (May.READ, May.ADD)),  # the original of an edited copy
    Grant(DeadLetterNote, (May.READ, May.ADD, May.CHANGE)),
)
_OFFER = (
    Grant(DomainOffer, (May.READ, May.ADD, May.CHANGE)),
    Grant(BaseDomain, ALL),  # to hold one while a name is claimed asks for CHANGE
    Grant(Server, (May.READ, May.ADD, May.REMOVE, May.CHANGE), ("state",)),
    Grant("placements", (May.READ,)),
    Grant("capacity_waits", (May.READ,)),
    Grant("customer_waits", (May.READ,)),
    Grant(Bundle, ALL),
    Grant(BundlePlugin, ALL),
)
_CHANGED = ("password_hash", "failures", "locked_until", "signed_in_at", "searches", "role")
"""Of an account; it is made, and its role follows, when its owner comes from a provider of OpenID Connect."""

_ADMIN_UI = (
    Grant(StaffUser, (May.READ, May.ADD, May.CHANGE), _CHANGED),
    Grant(StaffSession, ALL),
    Grant(StaffAction, (May.READ, May.ADD)),
    Grant(ProjectNote, (May.READ, May.ADD)),
    Grant(ProjectOwner, ALL),
    Grant(Expiry, (May.READ,)),
    *(Grant(table, (May.READ,)) for table in ("dns_records", "deployments", "mails")),
)

GRANTS = (
    *(Grant(table, ALL) for table in (Project, License, LicenseHistory, PluginPrice, ProjectType, PreviewAccess)),
    Grant(ApiKey, (May.READ, May.CHANGE), ("last_used_at",)),  # made and revoked by operators
    Grant(OrderAnswer, (May.READ, May.ADD, May.CHANGE), ("answer",)),
    Grant(PreviewUse, (May.READ, May.ADD)),
    Grant(ProjectDomain, (May.READ, May.ADD, May.REMOVE, May.CHANGE), ("is_coming",)),
    Grant(AddedDomain, (May.READ, May.ADD, May.CHANGE)),
    Grant(DomainTransfer, (May.READ, May.ADD, May.CHANGE), transfers.ANSWERED),
    Grant(TransferWithdrawal, (May.READ, May.ADD)),
    Grant(DomainRegistration, (May.READ, May.CHANGE), registrations.ANSWERED),
    Grant(MailDomain, (May.READ,)),
    Grant(Cancellation, (May.READ, May.ADD)),
    Grant(ProvisioningLog, (May.READ,)),
    Grant(ProjectOrder, (May.READ, May.ADD)),
    Grant(CoreToken, ALL),
    Grant(PluginRelease, (May.READ,)),  # published and yanked by operators
    Grant(PluginChunk, (May.READ,)),
    Grant(PluginDownload, (May.READ, May.ADD)),
    Grant(WebhookEndpoint, ALL),
    Grant(WebhookDelivery, (May.READ, May.CHANGE, May.REMOVE)),  # added by the trigger on the outbox
    Grant(SaidEvent, (May.READ, May.REMOVE)),  # added by a trigger on the outbox, too
    *_OFFER,
    *_RETRIES,
    *_ADMIN_UI,
)
