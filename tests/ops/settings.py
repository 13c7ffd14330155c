"""The settings of each service, for tests that hold against them what our deployments pass on."""

from contracts import ServiceName
from services.bootstrap.settings import BootstrapSettings
from services.deploy.settings import DeploySettings
from services.dns.settings import DnsSettings
from services.marketplace.settings import MarketplaceSettings
from services.notify.settings import NotifySettings
from shared.settings import Settings

SETTINGS: dict[ServiceName, type[Settings]] = {
    ServiceName.DNS: DnsSettings,
    ServiceName.DEPLOY: DeploySettings,
    ServiceName.BOOTSTRAP: BootstrapSettings,
    ServiceName.NOTIFY: NotifySettings,
    ServiceName.MARKETPLACE: MarketplaceSettings,
}

WITH_A_SECRET = frozenset({"manifest_keys", "plugin_keys"})
"""No secrets, but files beside them: the first follows from one."""


def is_a_file(settings: type[Settings], name: str) -> bool:
    """Whether it is kept in the folder that `vrs secrets` makes."""
    return "SecretStr" in str(settings.model_fields[name].annotation) or name in WITH_A_SECRET
