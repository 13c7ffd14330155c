"""What deploy may do in the database."""

from services.deploy.models import AppRoutes, ProjectDeployment
from shared.grants import ALL, Grant, May
from shared.models import AddedDomain, CoreToken, License, LicenseHistory, ProjectDomain, Reconciliation, Server

GRANTS = (
    Grant(ProjectDeployment, ALL),
    Grant(AppRoutes, ALL),
    Grant(Server, (May.READ, May.CHANGE), ("reach",)),
    Grant(License, (May.READ, May.ADD, May.CHANGE), ("vrs_state", "vrs_version")),  # it grants them, pending
    Grant(LicenseHistory, (May.ADD,)),
    Grant(CoreToken, ALL),
    Grant(Reconciliation, ALL),
    *(Grant(table, (May.READ,)) for table in (ProjectDomain, AddedDomain)),  # what an app's addresses are compared with
)
