"""What dns may do in the database."""

from services.dns.models import (
    CapacityWait,
    CustomerWait,
    ManagedMailRecord,
    ManagedRecord,
    Placement,
)
from shared.forget import CONTACT, FORGET
from shared.grants import ALL, Grant, May
from shared.models import (
    AddedDomain,
    BaseDomain,
    DomainOffer,
    DomainRegistration,
    DomainTransfer,
    Expiry,
    MailDomain,
    Project,
    ProjectDomain,
    ProjectOrder,
    Reconciliation,
    Server,
    TransferWithdrawal,
    TypePlacement,
)

GRANTS = (
    Grant(ManagedRecord, ALL),
    Grant(CustomerWait, ALL),
    Grant(MailDomain, ALL),
    Grant(ManagedMailRecord, ALL),
    Grant(Placement, ALL),
    Grant(DomainRegistration, ALL),
    Grant(Expiry, ALL),
    Grant(DomainTransfer, ALL),
    Grant(TransferWithdrawal, (May.READ,)),
    Grant(DomainOffer, (May.READ, May.CHANGE, May.REMOVE)),
    Grant(ProjectDomain, ALL),
    Grant(AddedDomain, ALL),
    Grant(ProjectOrder, (May.READ, May.ADD, May.CHANGE)),
    Grant(Project, (May.READ, May.ADD)),  # it introduces those that the marketplace has not
    Grant(Server, (May.READ, May.CHANGE), ("used", "ram_mb_used", "cpu_millicores_used", "last_placed_at")),
    Grant(CapacityWait, ALL),
    Grant(TypePlacement, (May.READ,)),
    Grant(Reconciliation, ALL),
    FORGET,
    CONTACT,
    Grant(BaseDomain, (May.READ, May.CHANGE), ("created_at",)),  # without it none is held while a name is claimed
)
