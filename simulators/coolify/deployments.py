"""Deploying and watching, as `DeployController` answers."""

from typing import Any

from starlette.responses import JSONResponse, RedirectResponse, Response

from simulators.coolify.calls import Call, Refused, refused, truthy
from simulators.coolify.deploying import Enqueued
from simulators.coolify.records import Application, Deployment, new_uuid
from simulators.coolify.shapes import deployment_json

SKIPPED = "Deployment already queued for this commit."
QUEUE_FULL = "Deployment queue is full. Please wait for existing deployments to complete."


def deploy(call: Call) -> Response:
    """``POST /deploy`` by uuid or tag, from query or body."""
    fields = call.optional_fields()
    uuids, tags, force = fields.get("uuid"), fields.get("tag"), truthy(fields.get("force"))
    if uuids and tags:
        raise refused(400, "You can only use uuid or tag, not both.")
    if tags:
        return _deploy_by_tags(call, str(tags), force=force)
    if not uuids:
        raise refused(400, "You must provide uuid or tag.")
    known = call.instance.applications
    found = [known[uuid] for uuid in str(uuids).split(",") if uuid in known]
    if not found:
        raise refused(404, "No resources found.")
    return JSONResponse({"deployments": [_deployed(call, application, force=force) for application in found]})


def list_deployments(call: Call) -> Response:
    """The live ones; an object with index keys if the instance is set so."""
    live = [
        deployment_json(deployment, secrets=call.sees_secrets)
        for deployment in call.instance.deployments.values()
        if deployment.status.is_live
    ]
    if call.instance.knobs.deployments_as_object:
        return JSONResponse({str(index): shown for index, shown in enumerate(live)})
    return JSONResponse(live)


def get_deployment(call: Call) -> Response:
    """One deployment, live or over."""
    return JSONResponse(deployment_json(_deployment(call), secrets=call.sees_secrets))


def application_deployments(call: Call) -> Response:
    """``{"count", "deployments"}``, newest first; Laravel's own validation checks `skip` and `take`."""
    errors, window = _window(call.query)
    if errors:
        if "json" not in call.request.headers.get("accept", ""):
            return RedirectResponse("/", 302)
        return JSONResponse({"message": next(iter(errors.values()))[0], "errors": errors}, 422)
    application = call.application("Application not found")
    newest = application.deployments[::-1][window]
    shown = [deployment_json(deployment, secrets=call.sees_secrets) for deployment in newest]
    return JSONResponse({"count": len(application.deployments), "deployments": shown})


def cancel_deployment(call: Call) -> Response:
    """Only a live deployment can be cancelled."""
    deployment = _deployment(call)
    if not deployment.status.is_live:
        raise refused(400, f"Deployment cannot be cancelled. Current status: {deployment.status.value}")
    call.deploying.cancel(deployment)
    return JSONResponse(
        {
            "message": "Deployment cancelled successfully.",
            "deployment_uuid": deployment.uuid,
            "status": deployment.status.value,
        }
    )


def start_application(call: Call) -> Response:
    """Says "queued" also when the queue is full; then the uuid does not exist."""
    fields = call.optional_fields()
    force, instant = (truthy(fields.get(name)) for name in ("force", "instant_deploy"))
    return _action(call, "Deployment request queued.", force=force, instant=instant)


def restart_application(call: Call) -> Response:
    """A full redeployment, for an image."""
    return _action(call, "Restart request queued.", restart_only=True)


def stop_application(call: Call) -> Response:
    """Queues the stop."""
    call.deploying.stop(call.application())
    return JSONResponse({"message": "Application stopping request queued."})


def _deploy_by_tags(call: Call, tags: str, *, force: bool) -> Response:
    message: list[str] = []
    details: list[dict[str, Any]] = []
    for name in tags.split(","):
        if name not in call.instance.tags:
            continue
        tag = call.instance.tags[name]
        found = [known for known in call.instance.applications.values() if tag in known.tags]
        if not found:
            message.append(f"No resources found for tag {name}.")
        for application in found:
            done = _deployed(call, application, force=force)
            message.append(done.pop("message"))
            details.append(done)
    if not message:
        raise refused(404, "No resources found with this tag.")
    return JSONResponse({"message": message} | ({"details": details} if details else {}))


def _deployed(call: Call, application: Application, *, force: bool) -> dict[str, Any]:
    """A skipped deployment is answered with a uuid that was never stored."""
    uuid = new_uuid()
    match call.deploying.enqueue(application, uuid=uuid, force=force):
        case Enqueued.QUEUE_FULL:
            raise Refused(429, {"message": QUEUE_FULL}, {"Retry-After": "60"})
        case Enqueued.SKIPPED:
            message = SKIPPED
        case Enqueued.QUEUED:
            message = f"Application {application.columns['name']} deployment queued."
    return {"message": message, "resource_uuid": application.uuid, "deployment_uuid": uuid}


def _action(call: Call, message: str, **options: bool) -> Response:
    uuid = new_uuid()
    if call.deploying.enqueue(call.application(), uuid=uuid, **options) is Enqueued.SKIPPED:
        return JSONResponse({"message": SKIPPED})
    return JSONResponse({"message": message, "deployment_uuid": uuid})


def _deployment(call: Call) -> Deployment:
    found = call.instance.deployments.get(call.uuid)
    if found is None:
        raise refused(404, "Deployment not found.")
    return found


def _window(query: dict[str, Any]) -> tuple[dict[str, list[str]], slice]:
    numbers, errors = {"skip": 0, "take": 10}, {}
    for name, least in (("skip", 0), ("take", 1)):
        given = query.get(name)
        if given is None:
            continue
        if not str(given).lstrip("-").isdigit():
            errors[name] = [f"The {name} field must be an integer."]
        elif int(given) < least:
            errors[name] = [f"The {name} field must be at least {least}."]
        else:
            numbers[name] = int(given)
    return errors, slice(numbers["skip"], numbers["skip"] + numbers["take"])
