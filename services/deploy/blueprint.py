"""What is asked of Coolify for a project: names derived from its id, fields, limits, variables, secret."""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from contracts import DnsConfigured
from services.deploy.coolify_models import ApplicationFields, NewApplication, Variable
from services.deploy.models import AppRoutes
from services.deploy.settings import DeploySettings
from shared.errors import PermanentError
from shared.plans import Plan
from shared.step import AppImage, ProjectFacts

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PROJECT_TYPE = "vrs-core"
"""The project type that the configured image runs, if the database lists none for it."""

TAG = "vrs"
"""What all our apps have, beside a tag of their project's."""

HEALTH_INTERVAL, HEALTH_TIMEOUT, HEALTH_RETRIES, HEALTH_START_PERIOD = 5, 3, 24, 30
"""Seconds and tries: a container that is not healthy after 30 + 24 * 5 s is rolled back, its deployment has failed."""


def environment_name(project_id: UUID) -> str:
    """The project's environment: the one name that Coolify keeps unique."""
    return f"project-{project_id}"


def application_name(project_id: UUID) -> str:
    """The name by which an app is found whose create was never answered."""
    return f"vrs-{project_id}"


def project_of(name: str | None, named: Callable[[UUID], str]) -> UUID | None:
    """The project whose environment or application (`named`) is called `name`; None if that is no name of ours."""
    try:
        project_id = UUID((name or "").partition("-")[2])
    except ValueError:
        return None
    return project_id if named(project_id) == name else None


def description(project_id: UUID, spec: str) -> str:
    """What an app is told apart by, for people and for whoever compares it with what was asked for."""
    return f"project={project_id} spec={spec}"


def urls_of(hosts: Iterable[str]) -> str:
    """The addresses of an app, as Coolify takes them."""
    return ",".join(f"https://{host}" for host in hosts)


def new_token() -> str:
    """A bootstrap token of ``[A-Za-z0-9_-]``: anything else may break Coolify's `.env` file."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """All that is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def _new_key() -> "Ed25519PrivateKey":
    # cryptography takes 8 MB: not before something is deployed.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    return Ed25519PrivateKey.generate()


@dataclass(frozen=True, slots=True)
class AppSecrets:
    """What a container is given and nobody keeps: its bootstrap token and the key that it signs its health with."""

    token: str = field(default_factory=new_token, repr=False)
    key: "Ed25519PrivateKey" = field(default_factory=_new_key, repr=False)

    @property
    def public_key(self) -> bytes:
        """The 32 bytes that are kept of the key."""
        return self.key.public_key().public_bytes_raw()


@dataclass(frozen=True, slots=True)
class Wanted:
    """The app of one project. `spec` is a hash of all of it but the token, the server and `storage`, a kept folder."""

    spec: str
    server: str
    fields: ApplicationFields
    variables: tuple[Variable, ...]
    environment: str
    storage: str = ""

    def creation(self, coolify_project: str) -> NewApplication:
        """The body that creates it."""
        return NewApplication(
            **self.fields.model_dump(),
            project_uuid=coolify_project,
            server_uuid=self.server,
            environment_name=self.environment,
            tags=(self.environment, TAG),
        )

    def variables_with(self, secret: AppSecrets) -> list[Variable]:
        """The variables of the container, with its secrets."""
        from contracts.signatures import written  # noqa: PLC0415 - as `_new_key`

        return [
            *self.variables,
            Variable(key="VRS_BOOTSTRAP_TOKEN", value=secret.token),
            Variable(key="VRS_PROJECT_KEY", value=written(secret.key)),
        ]


@dataclass(frozen=True, slots=True)
class Site:
    """Where an app answers: the uuid of its server, all its host names, and the one to which the others redirect."""

    server: str
    hosts: tuple[str, ...]
    primary: str | None = None


def site_of(event: DnsConfigured, routes: AppRoutes | None) -> Site:
    """What dns has configured, and the names that the app was given since then."""
    www = f"www.{event.fqdn}"
    own = (event.fqdn, *((www,) if any(record.name == www for record in event.records) else ()))
    hosts = dict.fromkeys((*own, *(routes.hosts if routes else ())))
    return Site(event.server.id, tuple(hosts), routes.primary_host if routes else None)


class Blueprint:
    """Turns an order and what dns configured into what is wanted of Coolify."""

    def __init__(self, settings: DeploySettings, plans: dict[str, Plan]) -> None:
        self._settings = settings
        self._plans = plans

    def wanted(self, project_id: UUID, project: ProjectFacts, site: Site) -> Wanted:
        """Return the app that this project needs.

        Raises:
            PermanentError: the plan or the project type is unknown.

        """
        fields = self._fields(project_id, project, site)
        variables = self._variables(project_id, project, site)
        shown = [fields.model_dump(), *(variable.model_dump() for variable in variables)]
        spec = hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:16]
        described = fields.model_copy(update={"description": description(project_id, spec)})
        environment, storage = environment_name(project_id), self._settings.app_storage
        return Wanted(spec, site.server, described, variables, environment, storage)

    def _fields(self, project_id: UUID, project: ProjectFacts, site: Site) -> ApplicationFields:
        settings, plan, image = self._settings, self._plan(project), self._image(project)
        return ApplicationFields(
            name=application_name(project_id),
            description=f"project={project_id}",
            docker_registry_image_name=image.name,
            docker_registry_image_tag=image.tag,
            ports_exposes=str(image.port),
            domains=urls_of(site.hosts),
            health_check_type="cmd" if settings.app_health_command else "http",
            health_check_command=settings.app_health_command,
            health_check_path=settings.app_health_path,
            health_check_port=image.port,
            health_check_interval=HEALTH_INTERVAL,
            health_check_timeout=HEALTH_TIMEOUT,
            health_check_retries=HEALTH_RETRIES,
            health_check_start_period=HEALTH_START_PERIOD,
            limits_memory=plan.memory,
            limits_cpus=plan.cpus,
        )

    def _variables(self, project_id: UUID, project: ProjectFacts, site: Site) -> tuple[Variable, ...]:
        values = {
            "VRS_PROJECT_ID": str(project_id),
            "VRS_MARKETPLACE_URL": str(self._settings.marketplace_url).rstrip("/"),
            "VRS_PLUGINS": ",".join(f"{plugin.name}=={plugin.version}" for plugin in project.plugins),
            "VRS_LOCALE": project.locale.value,
            "VRS_MANIFEST_KEYS": self._settings.manifest_keys,
            "VRS_PLUGIN_KEYS": self._settings.plugin_keys,
            "VRS_PRIMARY_HOST": site.primary,
        }
        return tuple(Variable(key=key, value=value) for key, value in values.items() if value is not None)

    def _image(self, project: ProjectFacts) -> AppImage:
        if project.image:
            return project.image
        if project.project_type != PROJECT_TYPE:
            raise PermanentError(
                f"project type {project.project_type!r} has no image: list it in project_types (`vrs db seed`), "
                "then replay",
                code="unknown_project_type",
            )
        return AppImage(self._settings.app_image, self._settings.app_tag, self._settings.app_port)

    def _plan(self, project: ProjectFacts) -> Plan:
        plan = self._plans.get(project.plan)
        if plan is None:
            known = ", ".join(sorted(self._plans))
            raise PermanentError(
                f"plan {project.plan!r} is unknown, there are {known}: add it to shared/plans.toml",
                code="unknown_plan",
            )
        return plan
