"""Projects and environments, as `ProjectController` answers."""

from starlette.responses import JSONResponse, Response

from simulators.coolify.calls import Call, invalid, refused
from simulators.coolify.fields import CreateEnvironment, CreateProject, UpdateProject, errors_in
from simulators.coolify.records import Environment, Project
from simulators.coolify.shapes import application_json, environment_json, project_json

OTHER_RESOURCES = ("postgresqls", "redis", "mongodbs", "mysqls", "mariadbs", "services")


def list_projects(call: Call) -> Response:
    """All projects of the team."""
    return JSONResponse([project_json(project) for project in call.instance.projects.values()])


def create_project(call: Call) -> Response:
    """The same name twice makes two projects."""
    body = call.fields()
    if errors := errors_in(CreateProject, body):
        raise invalid(errors)
    project = call.instance.add_project(body["name"], body.get("description"))
    return JSONResponse({"uuid": project.uuid}, 201)


def get_project(call: Call) -> Response:
    """A project with its environments."""
    project = _project(call)
    environments = [environment_json(environment) for environment in project.environments]
    return JSONResponse(project_json(project) | {"environments": environments})


def update_project(call: Call) -> Response:
    """201, not 200."""
    body = call.fields()
    if errors := errors_in(UpdateProject, body):
        raise invalid(errors)
    project = _project(call)
    project.name = body.get("name") or project.name
    project.description = body.get("description", project.description)
    shown = {"uuid": project.uuid, "name": project.name, "description": project.description}
    return JSONResponse(shown, 201)


def delete_project(call: Call) -> Response:
    """Refused while any of its environments has a resource."""
    project = _project(call)
    if any(environment.applications for environment in project.environments):
        raise refused(400, "Project has resources, so it cannot be deleted.")
    del call.instance.projects[project.uuid]
    return JSONResponse({"message": "Project deleted."})


def list_environments(call: Call) -> Response:
    """Id, name and uuid of each."""
    return JSONResponse(
        [
            {"id": environment.id, "uuid": environment.uuid, "name": environment.name}
            for environment in _project(call).environments
        ]
    )


def create_environment(call: Call) -> Response:
    """409 if the project has one of that name: the only unique name in Coolify."""
    body = call.fields()
    if errors := errors_in(CreateEnvironment, body):
        raise invalid(errors)
    project = _project(call)
    _refuse_taken(project, body["name"])
    environment = call.instance.add_environment(project, body["name"])
    return JSONResponse({"uuid": environment.uuid}, 201)


def get_environment(call: Call) -> Response:
    """An environment with everything in it, ids included."""
    environment = _environment(call)
    applications = [
        application_json(application, secrets=call.sees_secrets) | {"id": application.id}
        for application in environment.applications
    ]
    others: dict[str, list[object]] = {kind: [] for kind in OTHER_RESOURCES}
    return JSONResponse(environment_json(environment) | {"applications": applications} | others)


def update_environment(call: Call) -> Response:
    """200, unlike projects."""
    body = call.fields()
    if errors := errors_in(UpdateProject, body):
        raise invalid(errors)
    environment = _environment(call)
    name = body.get("name")
    if name and name != environment.name:
        _refuse_taken(environment.project, name)
        environment.name = name
    environment.description = body.get("description", environment.description)
    shown = {"uuid": environment.uuid, "name": environment.name, "description": environment.description}
    return JSONResponse(shown)


def delete_environment(call: Call) -> Response:
    """Refused while an application is left, also one whose deletion is still pending."""
    environment = _environment(call)
    if environment.applications:
        raise refused(400, "Environment has resources, so it cannot be deleted.")
    environment.project.environments.remove(environment)
    return JSONResponse({"message": "Environment deleted."})


def find_environment(project: Project, *, name: str | None, uuid: str | None) -> Environment:
    """By name, else by uuid, else 404."""
    for environment in project.environments:
        if name is not None and environment.name == name:
            return environment
    for environment in project.environments:
        if uuid is not None and environment.uuid == uuid:
            return environment
    raise refused(404, "Environment not found.")


def _project(call: Call) -> Project:
    found = call.instance.projects.get(call.uuid)
    if found is None:
        raise refused(404, "Project not found.")
    return found


def _environment(call: Call) -> Environment:
    given = str(call.request.path_params["environment"])
    return find_environment(_project(call), name=given, uuid=given)


def _refuse_taken(project: Project, name: str) -> None:
    if any(environment.name == name for environment in project.environments):
        raise refused(409, "Environment with this name already exists.")
