"""Which fields a request body may have and of which type (`bootstrap/helpers/api.php`, ValidationPatterns).

Coolify refuses unknown fields, numbers where it wants text, and null where a field is not nullable.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model
from pydantic_core import PydanticCustomError

SENTENCES = {
    "extra_forbidden": "This field is not allowed.",
    "missing": "This field is required.",
    "string_type": "The {} field must be a string.",
    "boolean": "The {} field must be true or false.",
    "int_type": "The {} field must be an integer.",
    "int_parsing": "The {} field must be an integer.",
    "int_from_float": "The {} field must be an integer.",
    "float_type": "The {} field must be a number.",
    "float_parsing": "The {} field must be a number.",
    "list_type": "The {} field must be an array.",
    "base64": "The {} field should be base64 encoded.",
    "literal_error": "The selected {} is invalid.",
}


def errors_in(model: type[BaseModel], body: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is wrong with `body`, sentences by field, worded as Laravel does."""
    errors: dict[str, list[str]] = {}
    try:
        model.model_validate(body)
    except ValidationError as refused:
        for error in refused.errors(include_url=False):
            name = ".".join(str(part) for part in error["loc"])
            sentence = SENTENCES.get(error["type"], "The {} field format is invalid.")
            errors.setdefault(name, []).append(sentence.format(name.replace("_", " ")))
    return errors


def accepted(model: type[BaseModel], body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a valid `body` as Coolify stores them: ``"1"`` as true, ``"80"`` as 80."""
    return model.model_validate(body).model_dump(exclude_unset=True)


def words(text: str) -> list[str]:
    """The field names of a table written as running text."""
    return text.split()


def _boolean(value: Any) -> Any:
    if isinstance(value, bool | int | str) and value in (True, False, "0", "1"):
        return value in (True, "1")
    raise PydanticCustomError("boolean", "no boolean")


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("int_type", "a boolean is no number")
    return value


def _base64(value: str) -> str:
    try:
        base64.b64decode(value, validate=True).decode()
    except ValueError as error:
        raise PydanticCustomError("base64", "no base64 of UTF-8 text") from error
    return value


def _matching(pattern: str, *, longest: int = 255) -> Any:
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if len(value) > longest or not compiled.fullmatch(value):
            raise ValueError(pattern)
        return value

    return Annotated[str, AfterValidator(check)]


Flag = Annotated[bool, BeforeValidator(_boolean)]
Integer = Annotated[int, BeforeValidator(_no_boolean)]
Number = Annotated[int | float, BeforeValidator(_no_boolean)]
Base64 = Annotated[str, AfterValidator(_base64)]
Name = Annotated[str, Field(min_length=3, max_length=255, pattern=r"^[\p{L}\p{M}\p{N}\s\-_.@/&()#,:+]+$")]
Description = Annotated[str, Field(max_length=255, pattern=r"^[\p{L}\p{M}\p{N}\s\-_.,!?()'\"+=*@/&]+$")]
ImageTag = _matching(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", longest=128)
_PATH = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY = rf"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]+)?/)?{_PATH}(?:/{_PATH})*"
ImageName = _matching(_REPOSITORY + r"(?:@sha256)?")
ImageReference = _matching(_REPOSITORY + r"(?:@sha256:[A-Fa-f0-9]{64}|:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _body(name: str, fields: Mapping[str, Any], *, required: Iterable[str] = ()) -> type[BaseModel]:
    """A body in which every field may be missing, but null only where the type says so."""
    optional: dict[str, Any] = {field: (kind, None) for field, kind in fields.items()}
    optional.update({field: (fields[field], ...) for field in required})
    return create_model(name, __base__=_Body, **optional)


SETTING_FLAGS = words(
    "is_git_submodules_enabled is_git_lfs_enabled is_git_shallow_clone_enabled disable_build_cache "
    "inject_build_args_to_dockerfile include_source_commit_in_build is_env_sorting_enabled "
    "is_pr_deployments_public_enabled is_gzip_enabled is_stripprefix_enabled is_log_drain_enabled "
    "is_raw_compose_deployment_enabled is_gpu_enabled is_consistent_container_name_enabled is_static is_spa "
    "is_auto_deploy_enabled is_force_https_enabled is_preview_deployments_enabled use_build_server "
    "use_build_secrets connect_to_docker_network is_container_label_escape_enabled "
    "is_preserve_repository_enabled"
)
_FLAGS = ["health_check_enabled", "instant_deploy", "force_domain_override", *SETTING_FLAGS]
_TEXTS = words(
    "git_repository git_branch build_pack static_image git_commit_sha limits_memory limits_memory_swap "
    "limits_memory_reservation limits_cpus preview_url_template"
)
_NULLABLE_TEXTS = words(
    "description gpu_driver gpu_count gpu_device_ids gpu_options custom_internal_name domains install_command "
    "build_command start_command custom_network_aliases base_directory publish_directory watch_paths "
    "health_check_response_text limits_cpuset "
    "post_deployment_command post_deployment_command_container pre_deployment_command "
    "pre_deployment_command_container manual_webhook_secret_github manual_webhook_secret_gitlab "
    "manual_webhook_secret_bitbucket manual_webhook_secret_gitea dockerfile_location docker_compose_location "
    "docker_compose_custom_start_command docker_compose_custom_build_command"
)
_NUMBERS = words(
    "health_check_return_code health_check_interval health_check_timeout health_check_retries "
    "health_check_start_period limits_memory_swappiness limits_cpu_shares"
)

_SHELL_SAFE = r"""(?:[ \t]+|&&|\|\||"[^"$`\\\n\r]*"|'[^'\n\r]*'|[a-zA-Z0-9._\-/=:@,+\[\]{}#%^~*?!]+)+"""

_APPLICATION: dict[str, Any] = {
    **dict.fromkeys(_FLAGS, Flag),
    **dict.fromkeys(_TEXTS, str),
    **dict.fromkeys(_NULLABLE_TEXTS, str | None),
    **dict.fromkeys(_NUMBERS, Number),
    "name": Annotated[str, Field(max_length=255)],
    **dict.fromkeys(("custom_labels", "custom_nginx_configuration"), Base64 | None),
    "custom_docker_run_options": _matching(_SHELL_SAFE, longest=2000) | None,
    "docker_registry_image_tag": ImageTag | None,
    "ports_mappings": _matching(r"\d+:\d+(,\d+:\d+)*", longest=1000) | None,
    "redirect": Literal["www", "non-www", "both"],
    "noindex_domains": list[str] | None,
    "docker_compose_domains": list[Any] | None,
    "max_restart_count": Annotated[Integer, Field(ge=0)],
    "stop_grace_period": Annotated[Integer, Field(ge=1, le=3600)] | None,
    "docker_images_to_keep": Annotated[Integer, Field(ge=0, le=100)],
    "health_check_type": Literal["http", "cmd"],
    "health_check_command": _matching(r"[a-zA-Z0-9 \-_./:=@,+]+", longest=1000) | None,
    "health_check_path": _matching(r"[a-zA-Z0-9/\-_.~%,;]+"),
    "health_check_port": Annotated[Integer, Field(ge=1, le=65535)] | None,
    "health_check_host": _matching(r"[a-zA-Z0-9.\-_]+"),
    "health_check_method": Literal["GET", "HEAD", "POST", "OPTIONS"],
    "health_check_scheme": Literal["http", "https"],
}
_PORTS = _matching(r"\d+(,\d+)*", longest=1000)

# The fields that a create call checks before it looks anything up.
BASIC_FIELDS = frozenset(
    words(
        "name description project_uuid environment_name environment_uuid server_uuid destination_uuid "
        "is_http_basic_auth_enabled http_basic_auth_username http_basic_auth_password autogenerate_domain "
        "tags"
    )
)
CreateApplication = _body(
    "CreateApplication",
    _APPLICATION
    | {
        "project_uuid": str,
        "server_uuid": str,
        "environment_name": str | None,
        "environment_uuid": str | None,
        "destination_uuid": str,
        "autogenerate_domain": Flag,
        "tags": list[Annotated[str, Field(min_length=2)]] | None,
        "docker_registry_image_name": ImageReference,
        "ports_exposes": _PORTS | None,
        "is_http_basic_auth_enabled": Flag,
        "http_basic_auth_username": str | None,
        "http_basic_auth_password": str | None,
    }
    | dict.fromkeys(("type", "private_key_uuid", "github_app_uuid", "dockerfile", "docker_compose_raw"), str),
    required=("project_uuid", "server_uuid", "docker_registry_image_name"),
)
UpdateApplication = _body(
    "UpdateApplication",
    _APPLICATION
    | {
        "docker_registry_image_name": ImageName | None,
        "ports_exposes": _PORTS,
        "dockerfile_target_build": str | None,
        "is_http_basic_auth_enabled": Flag | None,
        "is_preview_deployments_enabled": Flag | None,
        "http_basic_auth_username": str,
        "http_basic_auth_password": str,
    },
)
WriteVariable = _body(
    "WriteVariable",
    {
        "key": _matching(r"[A-Za-z_][A-Za-z0-9_.]*"),
        "value": str | None,
        **dict.fromkeys(
            ("is_preview", "is_literal", "is_multiline", "is_shown_once", "is_runtime", "is_buildtime"), Flag
        ),
        "comment": Annotated[str, Field(max_length=256)] | None,
    },
    required=("key",),
)
CreateProject = _body("CreateProject", {"name": Name, "description": Description | None}, required=("name",))
UpdateProject = _body("UpdateProject", {"name": Name | None, "description": Description | None})
CreateEnvironment = _body("CreateEnvironment", {"name": Name}, required=("name",))
WriteTags = _body("WriteTags", {"tag_name": str, "tag_names": Annotated[list[str], Field(min_length=1)]})
_COUNT = Annotated[Integer, Field(ge=1)]
UpdateServer = _body(
    "UpdateServer",
    {
        **dict.fromkeys(("name", "description", "ip", "user", "private_key_uuid", "proxy_type"), str | None),
        **dict.fromkeys(("is_build_server", "instant_validate", "is_terminal_enabled"), Flag | None),
        **dict.fromkeys(("concurrent_builds", "dynamic_timeout", "deployment_queue_limit"), _COUNT),
        "port": Annotated[Integer, Field(ge=1, le=65535)] | None,
        "connection_timeout": Annotated[Integer, Field(ge=1, le=300)],
        "server_disk_usage_notification_threshold": Annotated[Integer, Field(ge=1, le=100)],
        "server_disk_usage_check_frequency": str,
    },
)
