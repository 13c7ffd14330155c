"""`vrs doctor` and `vrs reconcile` in a service's container, with its user and its role: where its credentials are."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts import ServiceName
from contracts.signatures import written
from ops.examination import examine
from ops.reconciliation import Wanted, find
from tests.choreography.roles import amqp_of, database_of
from tests.choreography.system import System
from tests.choreography.vendors import Deployments, Inwx, Mailbox


@pytest.mark.parametrize("name", ServiceName)
async def test_in_each_service_the_doctor_and_reconcile_have_nothing_to_complain_of(
    name: ServiceName,
    users: None,
    system: System,
    inwx: Inwx,
    coolify: Deployments,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await system.seed()
    monkeypatch.setenv("VRS_DATABASE_URL", database_of(system.database.listen_url, name))
    monkeypatch.setenv("VRS_AMQP_URL", amqp_of(system.amqp_url, name))
    key = written(Ed25519PrivateKey.generate().public_key())
    for variable in ("VRS_MANIFEST_KEYS", "VRS_PLUGIN_KEYS"):
        monkeypatch.setenv(variable, key)
    assert [finding for finding in await examine([name]) if not finding.ok] == []
    if name in (ServiceName.DNS, ServiceName.DEPLOY):
        assert await find(Wanted((name.value,))) == []
