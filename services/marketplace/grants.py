"""What marketplace may do in the database: with its own tables everything, and what ordering and cancelling need."""

from shared.grants import ALL, Grant, May
from shared.models import (
    BaseDomain,
    Cancellation,
    License,
    LicenseHistory,
    PluginPrice,
    PreviewAccess,
    Project,
    ProjectType,
    ProvisioningLog,
)

GRANTS = (
    *(Grant(table, ALL) for table in (Project, License, LicenseHistory, PluginPrice, ProjectType, PreviewAccess)),
    Grant(BaseDomain, (May.READ,)),
    Grant(Cancellation, (May.READ, May.ADD)),
    Grant(ProvisioningLog, (May.READ,)),
)
