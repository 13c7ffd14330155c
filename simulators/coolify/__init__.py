"""Coolify v4.3 as an HTTP client meets it: REST API, deployment queue, throttle, and its traps.

After Coolify's source (commit 379abb25, 4.3.11): messages, statuses, the order of checks. Containers do not run
here: a finished deployment announces its app to the vrs-core simulator.

Besides the API: ``POST /_control`` (`CoolifyControl`; a call's name is its endpoint function's, e.g.
``create_application``) and ``GET /_state`` (everything that is stored).
"""

from simulators.coolify.records import Server
from simulators.coolify.server import Coolify, running_coolify

__all__ = ["Coolify", "Server", "running_coolify"]
