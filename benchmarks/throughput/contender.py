"""What is measured: ours, the floor, or a peer. Each does the same four steps on the same tables."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from contracts import CloudEvent, ProjectOrdered
from ops.stack import Stack

Put = Callable[[Sequence[CloudEvent[ProjectOrdered]]], Awaitable[None]]
"""Hands over orders, durably: returns when they can no longer be lost."""


@dataclass(frozen=True, slots=True)
class Contender:
    """`serve`: what each process runs, for ever, until SIGTERM; settings stand in ``VRS_…`` environment variables.

    `entrance` makes what the processes need beforehand (queues, tables) and gives the way in for orders.
    """

    name: str
    serve: tuple[Callable[[], None], ...]
    entrance: Callable[[Stack], AbstractAsyncContextManager[Put]]
