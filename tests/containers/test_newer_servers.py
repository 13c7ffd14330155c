"""What must run unchanged on the servers of the production shape: RabbitMQ 4 and PostgreSQL 17, in containers."""

import asyncio
import sys

from ops.stack.containers import engine_answers, postgres_container, rabbitmq_container
from tests.ops.conftest import environment

SUITES = ("tests/shared", "tests/dead_letters", "tests/choreography", "tests/ops/test_schema.py")
OWN_NODE = tuple(
    f"tests/choreography/test_{name}.py" for name in ("least_privilege", "desk_in_services", "secrets_stay_secret")
)
"""These make users on a node of their own; compose.yaml has such users on these servers."""

_TROUBLES = "tests/shared/messaging/test_broker_troubles.py::"
_CONTACTS = "tests/choreography/test_personal_data.py::"
OWN_SERVERS = (
    f"{_TROUBLES}test_with_a_disk_alarm_publishers_wait_consumers_go_on_and_nothing_is_lost_or_done_twice",
    f"{_TROUBLES}test_a_full_queue_refuses_what_then_waits_in_the_outbox_until_there_is_room",
    f"{_CONTACTS}test_dns_forgets_by_itself_whose_project_was_cancelled_long_ago_and_with_its_own_rights",
)
"""These disturb a node of their own, or log in by a role without a password."""


def _left_out() -> list[str]:
    return [*(f"--ignore={file}" for file in OWN_NODE), *(f"--deselect={test}" for test in OWN_SERVERS)]


async def test_the_kernel_and_the_schema_pass_on_rabbitmq_4_and_postgresql_17() -> None:
    assert engine_answers(), "no container engine answers: start one, or set DOCKER_HOST"
    with rabbitmq_container() as amqp_url, postgres_container() as database_url:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pytest", "-q", *SUITES, *_left_out()),
            env=environment(VRS_AMQP_URL=amqp_url, VRS_DATABASE_URL=database_url),
        )
        assert await process.wait() == 0
