"""Coolify's API v1, as far as we use it (v4.2.0 and later).

Nothing is repeated in here. GET, PATCH and DELETE may be called again after any error; a create or a deployment after
`UnansweredError` must be looked up first. Every call takes its place in the budget.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from services.deploy.budget import Budget, Lane
from services.deploy.coolify_errors import (
    ConflictError,
    ForbiddenError,
    RefusedError,
    ThrottledError,
    UnansweredError,
    UnauthorizedError,
    UnavailableError,
    error_of,
)
from services.deploy.coolify_models import (
    Application,
    ApplicationChanges,
    ApplicationDeployments,
    ApplicationFields,
    Created,
    DeployAnswer,
    Deployment,
    Deployments,
    Environment,
    EnvironmentName,
    NewApplication,
    NewOwnApplication,
    OwnEnvironment,
    OwnFields,
    Project,
    Server,
    Storages,
    Tag,
    Variable,
    VariableRow,
)
from services.deploy.coolify_rows import rows_of
from shared.errors import PermanentError, TemporaryError

Answer = TypeVar("Answer")

NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
LOCKOUT_PAUSE = 60.0
"""Seconds after a 401 or 403: newer versions lock a token out after 30 of them in a minute."""

NEWEST = 5
"""Deployments of an application to look at: there are two at most that matter."""

_PROJECTS: TypeAdapter[list[Project]] = TypeAdapter(list[Project])
_CREATED = TypeAdapter(Created)
_STORAGES = TypeAdapter(Storages)
_ENVIRONMENT = TypeAdapter(Environment)
_OWN_ENVIRONMENT = TypeAdapter(OwnEnvironment)
_VARIABLES: TypeAdapter[list[VariableRow]] = TypeAdapter(list[VariableRow])
_ENVIRONMENTS: TypeAdapter[list[EnvironmentName]] = TypeAdapter(list[EnvironmentName])
_TAGS: TypeAdapter[list[Tag]] = TypeAdapter(list[Tag])
_APPLICATION = TypeAdapter(Application)
_DEPLOY = TypeAdapter(DeployAnswer)
_DEPLOYMENT = TypeAdapter(Deployment)
_DEPLOYMENTS: TypeAdapter[list[Deployment]] = TypeAdapter(Deployments)
_APPLICATION_DEPLOYMENTS = TypeAdapter(ApplicationDeployments)
_SERVER = TypeAdapter(Server)
_SERVERS: TypeAdapter[list[Server]] = TypeAdapter(list[Server])


def api_headers(token: str) -> dict[str, str]:
    """The headers of every call. Without Accept, Laravel's own errors come as HTML or as a redirect."""
    return {"Authorization": f"Bearer {token}", "Accept": "application/json"}


class Coolify:
    """The client. `http` has the base URL (with ``/api/v1``), `api_headers` and the timeouts.

    Raises:
        an error of `coolify_errors`, from every method.

    """

    def __init__(self, http: httpx.AsyncClient, budget: Budget) -> None:
        self._http = http
        self._budget = budget

    async def version(self) -> str:
        """``GET /version``: a bare text such as ``4.3.10``, not JSON."""
        return (await self._send("GET", "/version")).text.strip().strip('"')

    async def projects(self) -> list[Project]:
        """``GET /projects``."""
        return await self._read("/projects", _PROJECTS)

    async def create_project(self, name: str) -> str:
        """``POST /projects``; its uuid. The same name twice makes two."""
        body = {"name": name, "description": "managed by VRS provisioning"}
        return _parsed(await self._send("POST", "/projects", json=body), _CREATED).uuid

    async def delete_project(self, project: str) -> None:
        """``DELETE /projects/{uuid}``; refused while it has resources."""
        await self._send("DELETE", f"/projects/{project}")

    async def create_environment(self, project: str, name: str) -> bool:
        """``POST /projects/{uuid}/environments``; False if there is one of that name, the only unique name."""
        try:
            await self._send("POST", f"/projects/{project}/environments", json={"name": name})
        except ConflictError:
            return False
        return True

    async def environment(self, project: str, name: str) -> Environment:
        """``GET /projects/{uuid}/{environment}``: everything in it."""
        return await self._read(f"/projects/{project}/{name}", _ENVIRONMENT)

    async def own_environment(self, project: str, name: str) -> OwnEnvironment:
        """As `environment`, where the applications are services of ours."""
        return await self._read(f"/projects/{project}/{name}", _OWN_ENVIRONMENT)

    async def environments(self, project: str) -> list[EnvironmentName]:
        """``GET /projects/{uuid}/environments``: all of a project, in one answer."""
        return await self._read(f"/projects/{project}/environments", _ENVIRONMENTS)

    async def delete_environment(self, project: str, name: str) -> None:
        """``DELETE``; `RefusedError` while anything is in it."""
        await self._send("DELETE", f"/projects/{project}/environments/{name}")

    async def create_application(self, fields: NewApplication | NewOwnApplication) -> str:
        """``POST /applications/dockerimage``; its uuid. `ConflictError` if a domain is taken."""
        sent = await self._send("POST", "/applications/dockerimage", json=fields.model_dump(exclude_none=True))
        return _parsed(sent, _CREATED).uuid

    async def update_application(
        self, application: str, fields: ApplicationFields | OwnFields | ApplicationChanges
    ) -> None:
        """``PATCH /applications/{uuid}``. Nothing reaches the container until it is deployed."""
        changes = isinstance(fields, ApplicationChanges)
        await self._send("PATCH", f"/applications/{application}", json=fields.model_dump(exclude_none=changes))

    async def applications(self, tag: str | None = None) -> AsyncIterator[Application]:
        """``GET /applications``: everything in the team, or what has the tag; without pages, so read as it comes."""
        path = "/applications" if tag is None else f"/applications?tag={tag}"
        async with self._sent("GET", path) as response:
            async for row in rows_of(response.aiter_bytes(), f"GET {path}"):
                yield row

    async def tags(self, application: str) -> list[str]:
        """``GET /applications/{uuid}/tags``."""
        return [tag.name for tag in await self._read(f"/applications/{application}/tags", _TAGS)]

    async def tag(self, application: str, names: Sequence[str]) -> None:
        """``POST /applications/{uuid}/tags``."""
        await self._send("POST", f"/applications/{application}/tags", json={"tag_names": list(names)})

    async def application(self, application: str) -> Application:
        """``GET /applications/{uuid}``."""
        return await self._read(f"/applications/{application}", _APPLICATION)

    async def delete_application(self, application: str, *, delete_volumes: bool) -> None:
        """Ask for its deletion, which is done when `application` raises `ApplicationGoneError`.

        All four options are sent because each defaults to true: that would delete volumes, and prune the whole server.
        """
        options = {
            "delete_volumes": delete_volumes,
            "delete_configurations": True,
            "delete_connected_networks": True,
            "docker_cleanup": False,
        }
        await self._send("DELETE", f"/applications/{application}", params=options)

    async def set_variables(self, application: str, variables: list[Variable]) -> None:
        """``PATCH …/envs/bulk``: upsert by key. Not transactional; other keys stay."""
        body = {"data": [variable.model_dump() for variable in variables]}
        await self._send("PATCH", f"/applications/{application}/envs/bulk", json=body)

    async def forget_variables(self, application: str, wanted: Sequence[str]) -> None:
        """Remove those of other names: ``GET …/envs``, then ``DELETE`` of each row; preview twins are rows as well."""
        for row in await self._read(f"/applications/{application}/envs", _VARIABLES):
            if row.key not in wanted:
                await self._send("DELETE", f"/applications/{application}/envs/{row.uuid}")

    async def keep_folder(self, application: str, path: str) -> None:
        """Ensure that `path` in the container is a volume: ``GET …/storages``, then ``POST`` if there is none."""
        there = await self._read(f"/applications/{application}/storages", _STORAGES)
        if all(storage.mount_path != path for storage in there.persistent_storages):
            body = {"type": "persistent", "name": "home", "mount_path": path}
            await self._send("POST", f"/applications/{application}/storages", json=body)

    async def deploy(self, application: str, *, force: bool) -> str:
        """``POST /deploy``; the deployment's uuid, which does not exist if Coolify skipped a duplicate.

        `force` lets it follow one that is under way, instead of being skipped.
        """
        sent = await self._send("POST", "/deploy", json={"uuid": application, "force": force})
        return _parsed(sent, _DEPLOY).deployments[0].deployment_uuid

    async def live_deployments(self) -> list[Deployment]:
        """``GET /deployments``: those of the whole team that are queued or in progress."""
        return await self._read("/deployments", _DEPLOYMENTS, Lane.POLL)

    async def deployment(self, deployment: str) -> Deployment:
        """``GET /deployments/{uuid}``."""
        return await self._read(f"/deployments/{deployment}", _DEPLOYMENT)

    async def deployments_of(self, application: str) -> tuple[Deployment, ...]:
        """``GET /deployments/applications/{uuid}``, the newest first."""
        path = f"/deployments/applications/{application}?skip=0&take={NEWEST}"
        return (await self._read(path, _APPLICATION_DEPLOYMENTS)).deployments

    async def cancel(self, deployment: str) -> None:
        """``POST /deployments/{uuid}/cancel``. No error if it is over or answered with 500 (#11327): read it."""
        try:
            await self._send("POST", f"/deployments/{deployment}/cancel")
        except RefusedError as refused:
            if refused.code != "coolify_400":
                raise
        except UnavailableError as error:
            if error.code != "coolify_500":
                raise

    async def server(self, server: str, lane: Lane = Lane.WORK) -> Server:
        """``GET /servers/{uuid}``."""
        return await self._read(f"/servers/{server}", _SERVER, lane)

    async def servers(self) -> list[Server]:
        """``GET /servers``."""
        return await self._read("/servers", _SERVERS, Lane.POLL)

    async def probe(self, path: str) -> None:
        """POST nothing to `path`: without effect, and refused for the token's abilities before anything else."""
        try:
            await self._send("POST", path, json={})
        except RefusedError:
            return

    async def _read(self, path: str, answer: TypeAdapter[Answer], lane: Lane = Lane.WORK) -> Answer:
        return _parsed(await self._send("GET", path, lane=lane), answer)

    async def _send(self, method: str, path: str, *, lane: Lane = Lane.WORK, **content: Any) -> httpx.Response:
        async with self._sent(method, path, lane=lane, **content) as response:
            await response.aread()
        return response

    @asynccontextmanager
    async def _sent(
        self, method: str, path: str, *, lane: Lane = Lane.WORK, **content: Any
    ) -> AsyncIterator[httpx.Response]:
        """Give the answer, whose body is yet to be read inside the block, or raise the refusal."""
        call = f"{method} {path.partition('?')[0]}"
        async with self._budget.place(lane) as heed:
            try:
                async with self._http.stream(method, path, **content) as response:
                    heed(response.headers)
                    if not response.is_success:
                        await response.aread()
                        raise self._refusal(response, call)
                    yield response
            except NOT_SENT as error:
                raise UnavailableError(f"Coolify is not reached: {error!r}", code="coolify_unreachable") from error
            except httpx.HTTPError as error:
                raise UnansweredError(f"no answer to {call}: {error!r}", code="coolify_unanswered") from error

    def _refusal(self, response: httpx.Response, call: str) -> PermanentError | TemporaryError:
        refusal = error_of(response, call)
        match refusal:
            case ThrottledError(retry_after=float(seconds)):
                self._budget.pause(seconds, str(refusal))
            case UnauthorizedError() | ForbiddenError():
                self._budget.pause(LOCKOUT_PAUSE, str(refusal))
        return refusal


def _parsed(response: httpx.Response, answer: TypeAdapter[Answer]) -> Answer:
    try:
        return answer.validate_json(response.content)
    except ValidationError as error:
        call = f"{response.request.method} {response.request.url.path}"
        problem = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise UnansweredError(f"unreadable answer to {call}: {problem}", code="coolify_unreadable") from error
