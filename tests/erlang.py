"""What only the broker's own shell can do: alarms, policies, the end of a single channel."""

import asyncio
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ops.stack import RabbitNode, Stack
from ops.stack.rabbitmq import NODE


def own_node(stack: Stack) -> RabbitNode:
    """The node of this test run, to be disturbed at will."""
    assert stack.node is not None, "this test disturbs a node of its own: unset VRS_AMQP_URL"
    return stack.node


async def evaluate(node: RabbitNode, expression: str) -> str:
    """Evaluate an Erlang expression in the node; 20 ms, where each ``rabbitmqctl`` would start an Erlang of its own."""
    cookie = (node.folder / ".erlang.cookie").read_text().strip()
    process = await asyncio.create_subprocess_exec(
        *("erl_call", "-c", cookie, "-name", NODE, "-e"),
        env={"ERL_EPMD_PORT": str(node.ports[2]), "PATH": "/usr/bin:/usr/local/bin:/usr/lib/erlang/bin"},
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )
    out, err = await process.communicate(f"{expression}.\n".encode())
    assert out.startswith(b"{ok"), (expression, process.returncode, out, err)
    return out.decode()


@asynccontextmanager
async def disk_alarm(node: RabbitNode) -> AsyncIterator[None]:
    """RabbitMQ believes that its disk is full, as long as the block runs."""
    await evaluate(node, 'rabbit_disk_monitor:set_disk_free_limit("1000000GB")')
    try:
        yield
    finally:
        await evaluate(node, 'rabbit_disk_monitor:set_disk_free_limit("50MB")')


@asynccontextmanager
async def longest(node: RabbitNode, queue: str, messages: int) -> AsyncIterator[None]:
    """Let `queue` be full at so many messages, by a policy as operators set it, as long as the block runs."""
    arguments = f'<<"/">>, <<"full">>, <<"^{queue}$">>, <<"{{\\"max-length\\":{messages}}}">>, "0", <<"queues">>'
    await evaluate(node, f'ok = rabbit_policy:parse_set({arguments}, <<"guest">>)')
    try:
        yield
    finally:
        await evaluate(node, 'ok = rabbit_policy:delete(<<"/">>, <<"full">>, <<"guest">>)')


async def close_consuming_channels(node: RabbitNode) -> None:
    """Close every channel with a consumer, and it alone: as if it had acked what was never delivered."""
    await evaluate(
        node,
        "[rabbit_channel:do(C, {'basic.ack', 999999, false}) "
        "|| C <- rabbit_channel:list_local(), {consumer_count, N} <- rabbit_channel:info(C, [consumer_count]), N > 0]",
    )
