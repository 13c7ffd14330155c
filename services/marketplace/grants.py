"""What marketplace may do in the database: with its own tables everything, and what ordering and cancelling need."""

from shared.grants import ALL, Grant, May
from shared.models import (
    BaseDomain,
    Cancellation,
    CoreToken,
    License,
    LicenseHistory,
    PluginChunk,
    PluginDownload,
    PluginPrice,
    PluginRelease,
    PreviewAccess,
    Project,
    ProjectOrder,
    ProjectType,
    ProvisioningLog,
)

GRANTS = (
    *(Grant(table, ALL) for table in (Project, License, LicenseHistory, PluginPrice, ProjectType, PreviewAccess)),
    Grant(BaseDomain, (May.READ,)),
    Grant(Cancellation, (May.READ, May.ADD)),
    Grant(ProvisioningLog, (May.READ,)),
    Grant(ProjectOrder, (May.READ,)),
    Grant(CoreToken, ALL),
    Grant(PluginRelease, (May.READ,)),  # published and yanked by operators
    Grant(PluginChunk, (May.READ,)),
    Grant(PluginDownload, (May.READ, May.ADD)),
)
