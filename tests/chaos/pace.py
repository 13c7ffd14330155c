"""How fast time passes in a run: the lease, how long faults last, and what is shortened in the services' processes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.http import CONNECT_TIMEOUT, READ_TIMEOUT
from shared.lease import within_lease

OVERTIME = 5.0
"""Seconds by which a long freeze outlasts a lease."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. `constants` are module constants (``module:NAME``) that have other values in the services' processes.

    `moment` is the shortest of a cut or a freeze, `while_` the longest. With `hurry`, whatever waits when the
    disturbances are over is made due: no backoff is sat out.
    """

    lease: float
    moment: float
    while_: float
    deadline: float
    constants: Mapping[str, Any] = field(default_factory=dict)
    hurry: bool = False

    @property
    def timeout(self) -> float:
        """How long a service waits for a vendor's answer."""
        return within_lease(CONNECT_TIMEOUT + READ_TIMEOUT, self.lease)

    @property
    def lost(self) -> float:
        """How long an answer is withheld that is to be lost."""
        return 1.5 * self.timeout

    @property
    def grace(self) -> float:
        """After how long an unanswered create cannot come true any more: twice the timeout, and the slowest vendor."""
        return 2 * self.timeout + self.lost

    @property
    def long_freeze(self) -> float:
        """Longer than a lease."""
        return self.lease + OVERTIME


MINUTES = Pace(lease=24.0, moment=1.0, while_=8.0, deadline=420.0)
"""As in production, but for the lease (and with it the vendors' timeouts): five minutes see many of them end."""

SECONDS = Pace(
    lease=9.0,
    moment=0.5,
    while_=3.0,
    deadline=120.0,
    hurry=True,
    constants={
        "shared.messaging.settle:OUTBOX_LEASE": 6.0,
        "shared.messaging.say:OUTBOX_LEASE": 6.0,
        "shared.messaging.publish:CONFIRM_TIMEOUT": 3.0,
        "shared.messaging.verdict:LONGEST_BACKOFF": 4.0,
        "shared.messaging.say:LONGEST_BACKOFF": 4.0,
        "shared.database:COMMAND_TIMEOUT": 10.0,
        "services.dns.inwx_errors:_RETRY_AFTER": dict.fromkeys((2104, 2300, 2301, 2304, 2400, 2500, 2502), 2.0),
        "services.deploy.handlers:PHP_SECONDS": 2.0,
        "services.deploy.rollout:LOOK_AGAIN": 5.0,
        "services.deploy.rollout:SERVER_AWAY": 2.0,
        "services.deploy.removal:ASK_AGAIN": 4.0,
        "services.deploy.coolify:LOCKOUT_PAUSE": 2.0,
        "services.deploy.coolify_errors:THROTTLE_PAUSE": 2.0,
        "services.deploy.coolify_errors:QUEUE_PAUSE": 2.0,
    },
)
"""Everything that production waits for minutes is over in seconds."""
