"""vrs-core in every customer's container, behind the servers' proxies: TLS, boot, plugins, ``GET /health``.

``GET /health`` answers 503 while the app boots or has failed, 200 when it is healthy or degraded::

    {"state": "booting|healthy|degraded|failed", "version": "1.4.2",
     "manifest": "2026-01-31T12:00:00+00:00",
     "plugins": [{"name", "wanted", "installed", "state": "installed|missing|failed|pending|refused", "error"}]}

``POST /converge`` answers 202; `manifest` is then that moment.

On the plain HTTP port: ``POST /_apps`` and ``DELETE /_apps/{fqdn}`` start and remove a container, ``GET /_apps``
lists them, ``POST /_control`` takes the keys of `simulators.faults` (calls: ``health``, ``converge``, ``page``) and
`CoreControl`.
"""

from simulators.core.server import Core, running_core

__all__ = ["Core", "running_core"]
