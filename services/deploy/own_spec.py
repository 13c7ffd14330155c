"""What is wanted of a Coolify for our own services: the file that `vrs coolify apply` reads."""

import hashlib
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from contracts import ServiceName
from contracts.problems import field_problems
from services.deploy.coolify_models import OwnFields, Variable
from shared.settings import SettingsError

OPERATOR = "operator"
HEALTH_PORT = 8080

UNDER_WAY = "vrs not applied completely"
"""What the description says until all of it has been applied: whoever is killed in between begins again."""

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Names = dict[Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")], Text]

_MIGRATED = "/tmp/migrated"  # noqa: S108 - in a container of its own
_ENTRYPOINTS = {
    OPERATOR: (
        f"sh -c 'vrs db upgrade && vrs db grants && vrs topology grants && touch {_MIGRATED} && exec sleep infinity'"
    ),
    **{service.value: f"vrs run {service}" for service in ServiceName},
}

_OF_THE_DESK = {
    "VRS_DATABASE_ROLES": "database_roles.json",
    "VRS_TRANSFER_KEY": "transfer_key",  # vrs domains transfer
    "VRS_PLUGIN_KEYS": "plugin_keys",  # vrs plugins publish
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Desk(_Part):
    """The operator's container: its limits, variables, and files of secrets by variable, beside those it always has."""

    memory: Text = "256m"
    cpus: Text = "1.0"
    env: Names = Field(default_factory=dict)
    secrets: Names = Field(default_factory=dict)


class Container(Desk):
    """A service: the same, and what leads to it.

    `urls` (``https://…``, with commas) lead to its `port`; without them nothing outside does.
    """

    urls: Text | None = None
    port: int = Field(default=HEALTH_PORT, ge=1, le=65535)


class Spec(_Part):
    """The whole file. `env` is everybody's; the operator's container migrates the database before the others start."""

    project: Text
    environment: Text = "production"
    server: Text
    image: Text
    tag: Text
    env: Names = Field(default_factory=dict)
    operator: Desk = Field(default_factory=Desk)
    services: dict[ServiceName, Container] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An application as it should be; its description holds `spec`, a hash of all of it, secrets included."""

    fields: OwnFields
    variables: tuple[Variable, ...]

    @property
    def spec(self) -> str:
        """16 hexadecimal digits."""
        shown = [self.fields.model_dump(), *(variable.model_dump() for variable in self.variables)]
        return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def description(self) -> str:
        """What says that it was applied."""
        return f"vrs spec={self.spec}"


def read_spec(file: Path) -> Spec:
    """Read the file.

    Raises:
        SettingsError: a line for each field that is wrong.

    """
    try:
        return Spec.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: {error}") from error
    except ValidationError as error:
        raise SettingsError("\n".join(f"{file}: {problem}" for problem in field_problems(error))) from error


def wanted_of(spec: Spec, secrets: Path) -> list[Wanted]:
    """The applications in the order in which they are applied, the operator's first.

    Raises:
        SettingsError: names each secret that is missing, and each value that Coolify would break.

    """
    desk = spec.operator
    operator = Container(**desk.model_dump(exclude={"secrets"}), secrets=_OF_THE_DESK | desk.secrets)
    parts = [(OPERATOR, operator), *((name.value, part) for name, part in spec.services.items())]
    problems: list[str] = []
    wanted = [
        Wanted(_fields(spec, name, part), tuple(_variables(spec, name, part, secrets, problems)))
        for name, part in parts
    ]
    if problems:
        raise SettingsError("\n".join(problems))
    return wanted


def _fields(spec: Spec, name: str, part: Container) -> OwnFields:
    migrates = name == OPERATOR
    return OwnFields(
        name=f"vrs-{name}",
        description=UNDER_WAY,
        docker_registry_image_name=spec.image,
        docker_registry_image_tag=spec.tag,
        ports_exposes=str(part.port),
        domains=part.urls,
        health_check_type="cmd",
        health_check_command=f"test -e {_MIGRATED}" if migrates else "python3 -m ops.ready",
        health_check_path="/health/ready",
        health_check_port=HEALTH_PORT,
        health_check_interval=5,
        health_check_timeout=10,
        health_check_retries=60 if migrates else 24,  # a migration may wait for locks for some minutes
        health_check_start_period=5,  # Coolify sits it out before its first look
        limits_memory=part.memory,
        limits_cpus=part.cpus,
        # Not --security-opt no-new-privileges: Coolify's parser cuts a value at its first hyphen.
        custom_docker_run_options=f'--init --cap-drop=ALL --entrypoint "{_ENTRYPOINTS[name]}"',
    )


def _variables(spec: Spec, name: str, part: Container, secrets: Path, problems: list[str]) -> Iterator[Variable]:
    """Values as they go into Coolify's `.env` file, none for an empty file; what is wrong goes to `problems`."""
    values = {"VRS_HEALTH_PORT": str(HEALTH_PORT), "VRS_LOG_FORMAT": "json"} | spec.env | part.env
    files = {"VRS_DATABASE_URL": f"{name}_database_url", "VRS_AMQP_URL": f"{name}_amqp_url"} | part.secrets
    for variable, file in files.items():
        try:
            value = _on_one_line((secrets / file).read_text(encoding="utf-8"))
        except OSError as error:
            problems.append(f"{variable}: {secrets / file}: {error.strerror}: `vrs secrets` makes it, or names it")
            continue
        if value:
            values[variable] = value
    for variable, value in sorted(values.items()):
        try:
            yield Variable(key=variable, value=value)
        except ValidationError:
            problems.append(f"{variable}: a single quote, a line break or space around it breaks Coolify's .env file")


def _on_one_line(text: str) -> str:
    """JSON loses its line breaks; anything else only those around it."""
    try:
        return json.dumps(json.loads(text), separators=(",", ":")) if text.startswith("{") else text.strip()
    except ValueError:
        return text.strip()
