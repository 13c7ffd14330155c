"""Servers and base domains over HTTP, and the room that there is."""

from shared.models import Scope
from tests.services.marketplace.api import BASE, Api

SERVER = {"name": "t-1", "coolify_uuid": "k8w0s4ck", "region": "fsn1", "ipv4": "203.0.113.20", "capacity": 3}


async def test_room_is_counted_on_servers_that_take_projects(api: Api) -> None:
    for server in (SERVER, SERVER | {"name": "t-2", "coolify_uuid": "b", "ipv4": "203.0.113.21", "ram_mb": 1024}):
        assert (await api.call("POST", "/servers", json=server)).status_code == 201
    assert (await api.call("GET", "/capacity", Scope.PROJECTS_READ)).json() == {
        "free": 6,
        "waiting": 0,
        "regions": [{"region": "fsn1", "servers": 2, "free": 6}],
    }
    assert (await api.call("GET", "/capacity?plan=starter")).json()["free"] == 5
    assert (await api.call("GET", "/capacity?region=nbg1")).json()["free"] == 0
    assert (await api.call("GET", "/capacity?plan=gold")).status_code == 422


async def test_servers_and_base_domains_are_changed_by_admins(api: Api) -> None:
    assert (await api.call("POST", "/servers", json=SERVER)).json()["state"] == "active"
    doubled = await api.call("POST", "/servers", json=SERVER)
    assert (doubled.status_code, "is that of server t-1" in doubled.text) == (409, True)
    assert (await api.call("PATCH", "/servers/t-1", json={"state": "draining"})).json()["state"] == "draining"
    listed = (await api.call("GET", "/servers", Scope.SERVERS_READ)).json()
    assert [server["name"] for server in listed["servers"]] == ["t-1"]
    assert (await api.call("DELETE", "/servers/t-1")).status_code == 204
    assert (await api.call("DELETE", "/servers/t-1")).status_code == 404
    for status in (201, 200):
        put = await api.call("PUT", "/base-domains/Bäcker.example")
        assert (put.status_code, put.json()) == (status, {"name": "xn--bcker-gra.example", "projects": 0})
    await api.ordered()
    assert (await api.call("DELETE", f"/base-domains/{BASE}")).status_code == 409
    assert (await api.call("DELETE", "/base-domains/bäcker.example")).status_code == 204
    listed = (await api.call("GET", "/base-domains", Scope.SERVERS_READ)).json()
    assert listed == {"base_domains": [{"name": BASE, "projects": 1}]}
