"""The Coolify simulator refuses what Coolify refuses."""

import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from simulators.coolify import running_coolify
from tests.simulators.coolify_api import PROJECT, Api, application


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[Api]:
    async with running_coolify() as running, httpx.AsyncClient() as http:
        yield Api(running, http)


@pytest.fixture
async def api(shared: Api) -> Api:
    await shared.control(reset=True, delete_seconds=0, rate_limit=6000)
    return shared


async def test_a_call_without_a_known_token_is_401(api: Api) -> None:
    for token in ("", "Bearer 1|guessed", "7|demo-token"):
        answer = await api.ask("GET", "/version", authorization=token)
        assert (answer.status_code, answer.json()) == (401, {"message": "Unauthenticated."})
    assert (await api.http.get(f"{api.running.url}/api/health")).text == "OK"
    assert (await api.ask("GET", "/version")).text == "4.3.10"


async def test_a_token_without_the_ability_is_403_naming_it(api: Api) -> None:
    reader = {"authorization": "Bearer 8|read-token"}
    assert (await api.ask("GET", "/servers", **reader)).status_code == 200
    for path, body, ability in (("/deploy", {"uuid": "x"}, "deploy"), ("/projects", {"name": "abc"}, "write")):
        answer = await api.ask("POST", path, body, **reader)
        assert (answer.status_code, answer.json()) == (403, {"message": f"Missing required permissions: {ability}"})


async def test_values_are_absent_for_a_token_that_may_write_them(api: Api) -> None:
    service = {"authorization": "Bearer 9|service-token"}
    path = f"/applications/{await api.created()}/envs"
    assert (await api.ask("POST", path, {"key": "SECRET", "value": "s"}, **service)).status_code == 201
    assert all("value" not in row for row in (await api.ask("GET", path, **service)).json())
    assert all(row["value"] == "s" for row in (await api.ask("GET", path)).json())


@pytest.mark.parametrize("path", ["/deploy", "/applications/x/start", "/applications/x/stop", "/servers/x/validate"])
async def test_get_on_an_action_is_405(api: Api, path: str) -> None:
    answer = await api.ask("GET", path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json() == {"message": "This endpoint has changed to a POST request."}


async def test_an_unknown_route_has_docs_and_an_unknown_resource_has_not(api: Api) -> None:
    assert "docs" in (await api.ask("GET", "/nothing")).json()
    assert "docs" in (await api.ask("PUT", "/projects", {"name": "abc"})).json()
    assert (await api.ask("GET", "/applications/x")).json() == {"message": "Application not found."}
    assert (await api.ask("PATCH", "/applications/x", {"name": "n"})).json() == {"message": "Application not found"}


@pytest.mark.parametrize(
    ("content", "kind", "error"),
    [
        ("name=x", "application/x-www-form-urlencoded", "Content-Type must be application/json."),
        ("{", "application/json", "Invalid JSON."),
        ("{}", "application/json", "Empty JSON."),
    ],
)
async def test_a_body_that_is_no_json_is_400(api: Api, content: str, kind: str, error: str) -> None:
    answer = await api.http.post(
        f"{api.running.url}/api/v1/projects",
        content=content,
        headers={"Authorization": f"Bearer {api.running.token}", "Content-Type": kind},
    )
    assert (answer.status_code, answer.json()) == (400, {"message": "Invalid request.", "error": error})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("foo", "This field is not allowed."),
        ("ports_exposes", 8080),
        ("ports_exposes", "80/tcp"),
        ("limits_cpus", 0.5),
        ("health_check_enabled", "yes"),
        ("health_check_method", "PUT"),
        ("health_check_port", 70000),
        ("health_check_command", "curl $URL"),
        ("docker_registry_image_name", "Acme/Web"),
        ("docker_registry_image_tag", "1.4 2"),
        ("custom_labels", "no base64!"),
        ("domains", "app.example.com"),
        ("domains", "https://a.example.com;rm"),
        ("name", None),
        ("tags", "order-1"),
        ("dockerfile_target_build", "web"),
    ],
)
async def test_create_refuses_the_field(api: Api, field: str, value: Any) -> None:
    before = (await api.state())["applications"]
    answer = await api.create(**{field: value})
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    assert (await api.state())["applications"] == before


async def test_create_checks_fields_then_place_then_the_rest(api: Api) -> None:
    wrong = {"ports_exposes": 80, "server_uuid": "nowhere"}
    assert (await api.create(**wrong, foo=1)).json()["errors"] == {"foo": ["This field is not allowed."]}
    assert (await api.create(**wrong)).json() == {"message": "Server not found."}
    assert (await api.create(**wrong, project_uuid="x")).json() == {"message": "Project not found."}
    missing = await api.create(environment_name=" ")
    assert missing.status_code == 422
    assert "errors" not in missing.json()


@pytest.mark.parametrize("field", ["project_uuid", "server_uuid", "environment_name", "tags", "autogenerate_domain"])
async def test_patch_refuses_what_only_create_takes(api: Api, field: str) -> None:
    answer = await api.ask("PATCH", f"/applications/{await api.created()}", {field: "x"})
    assert answer.json()["errors"] == {field: ["This field is not allowed."]}


async def test_an_app_is_born_exited_with_trimmed_texts_and_ports_read_back_as_text(api: Api) -> None:
    tag = f"order-{uuid4().hex[:8]}"
    uuid = await api.created(name="  web ", description="", health_check_port=8080, tags=[tag.upper()])
    shown = (await api.ask("GET", f"/applications/{uuid}")).json()
    assert (shown["name"], shown["description"], shown["status"]) == ("web", None, "exited:unhealthy")
    assert (shown["health_check_port"], shown["limits_memory"]) == ("8080", "0")
    assert not {"id", "tags", "server_uuid", "project_uuid"} & shown.keys()
    assert [app["uuid"] for app in (await api.ask("GET", f"/applications?tag={tag}")).json()] == [uuid]
    assert (await api.ask("GET", f"/applications?tag={tag}0")).json() == []


async def test_names_are_not_unique_but_full_domains_are(api: Api) -> None:
    domain = f"https://{uuid4().hex}.example.com"
    first = await api.created(name="twice", domains=domain)
    await api.created(name="twice", domains=domain.replace("https", "http"))
    conflict = await api.create(name="third", domains=domain.upper() + "/")
    assert conflict.status_code == 409
    assert [found["resource_uuid"] for found in conflict.json()["conflicts"]] == [first]
    assert (await api.create(name="third", domains=domain, force_domain_override=True)).status_code == 201
    assert (await api.ask("PATCH", f"/applications/{first}", {"domains": domain})).status_code == 409
    assert (await api.ask("PATCH", f"/applications/{first}", {"domains": "x"})).json()["errors"] == ["Invalid URL: x"]


async def test_a_domain_is_made_up_unless_declined(api: Api) -> None:
    made_up = (await api.create(domains=None)).json()
    assert made_up["domains"] == f"http://{made_up['uuid']}.203.0.113.10.sslip.io"
    assert (await api.create(domains=None, autogenerate_domain=False)).json()["domains"] is None


async def test_an_environment_name_is_unique_and_the_environment_stays_while_it_has_an_app(api: Api) -> None:
    await api.control(delete_seconds=1)
    name, path = f"order-{uuid4().hex[:8]}", f"/projects/{PROJECT}/environments"
    assert (await api.ask("POST", path, {"name": name})).status_code == 201
    assert (await api.ask("POST", path, {"name": name})).status_code == 409
    uuid = await api.created(environment_name=name)
    found = (await api.ask("GET", f"/projects/{PROJECT}/{name}")).json()
    assert [app["uuid"] for app in found["applications"]] == [uuid]
    assert (await api.ask("DELETE", f"/applications/{uuid}?docker_cleanup=false")).status_code == 200
    refused = await api.ask("DELETE", f"{path}/{name}")
    assert refused.json() == {"message": "Environment has resources, so it cannot be deleted."}
    assert await api.status(f"/applications/{uuid}") == "exited:unhealthy"
    await api.shows(f"/applications/{uuid}", "404")
    assert (await api.ask("DELETE", f"{path}/{name}")).status_code == 200
    deletion = (await api.state())["deletions"][-1]
    assert (deletion["delete_volumes"], deletion["docker_cleanup"]) == (True, False)


async def test_a_project_is_born_with_production_and_two_may_share_a_name(api: Api) -> None:
    uuids = [(await api.ask("POST", "/projects", {"name": "acme"})).json()["uuid"] for _ in range(2)]
    assert uuids[0] != uuids[1]
    assert [found["name"] for found in (await api.ask("GET", f"/projects/{uuids[0]}/environments")).json()] == [
        "production"
    ]
    assert (await api.ask("PATCH", f"/projects/{uuids[0]}", {"name": "acme-2"})).status_code == 201
    assert (await api.ask("POST", "/projects", {"name": "ab"})).status_code == 422


async def test_bulk_upserts_makes_preview_twins_and_keeps_what_came_before_an_error(api: Api) -> None:
    path = f"/applications/{await api.created()}/envs"
    rows = [{"key": "A", "value": " 1 ", "is_literal": True, "unknown": 1}, {"key": "9", "value": "x"}]
    assert (await api.ask("PATCH", f"{path}/bulk", {"data": rows})).status_code == 422
    again = await api.ask("PATCH", f"{path}/bulk", {"data": [{"key": "B", "value": "2"}, {"key": "A"}]})
    assert (again.status_code, [row["key"] for row in again.json()]) == (201, ["B", "A"])
    shown = [(row["key"], row["value"], row["is_preview"]) for row in (await api.ask("GET", path)).json()]
    assert shown == [("A", None, False), ("B", "2", False), ("A", "1", True), ("B", "2", True)]
    assert (await api.ask("POST", path, {"key": "A", "value": "1"})).status_code == 409
    assert (await api.ask("PATCH", path, {"key": "A", "value": 1})).status_code == 422
    assert (await api.ask("PATCH", path, {"key": "C", "value": "1"})).status_code == 404
    row = (await api.ask("GET", path)).json()[0]
    assert (await api.ask("DELETE", f"{path}/{row['uuid']}")).status_code == 200
    assert sum(left["key"] == "A" for left in (await api.ask("GET", path)).json()) == 1


async def test_after_the_minutes_requests_are_used_up_it_is_429_with_headers(api: Api) -> None:
    await api.control(reset=True, rate_limit=2)
    first = await api.ask("GET", "/version")
    assert (first.headers["x-ratelimit-limit"], first.headers["x-ratelimit-remaining"]) == ("2", "1")
    await api.ask("GET", "/version", authorization="Bearer 8|read-token")
    refused = await api.ask("GET", "/version")
    assert (refused.status_code, refused.json()) == (429, {"message": "Too Many Attempts."})
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert int(refused.headers["x-ratelimit-reset"]) > time.time()
    assert (await api.ask("GET", "/version", accept="*/*")).headers["content-type"].startswith("text/html")


async def test_an_error_of_the_framework_is_html_for_a_client_that_does_not_ask_for_json(api: Api) -> None:
    await api.control(fault={"call": "version", "kind": "refused", "code": 500, "times": 2})
    assert (await api.ask("GET", "/version")).json() == {"message": "Server Error"}
    page = await api.ask("GET", "/version", accept="*/*")
    assert (page.status_code, page.headers["content-type"][:9]) == (500, "text/html")


async def test_a_lost_answer_leaves_the_app_behind(api: Api) -> None:
    name = f"t-{uuid4().hex}"
    await api.control(fault={"call": "create_application", "kind": "lost_answer", "seconds": 1})
    with pytest.raises(httpx.ReadTimeout):
        await api.http.post(
            f"{api.running.url}/api/v1/applications/dockerimage",
            json=application(name=name),
            headers={"Authorization": f"Bearer {api.running.token}"},
            timeout=0.5,
        )
    assert name in [app["name"] for app in (await api.state())["applications"]]


async def test_an_unknown_control_key_is_refused(api: Api) -> None:
    for wanted in ({"deploy_secs": 1}, {"server": {"uuid": "x", "reachable": False}}, {"rate_limit": 0}):
        assert (await api.control(**wanted)).status_code == 422
