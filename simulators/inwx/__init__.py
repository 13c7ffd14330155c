"""INWX as far as the project needs it: its JSON-RPC API and authoritative name servers for the same zones.

Strict where INWX is: what it would refuse is refused, with its codes. Nothing of the project belongs here.
"""

from .server import TOTP_SECRET, ZONES, RunningInwx, running_inwx, serve_inwx

__all__ = ["TOTP_SECRET", "ZONES", "RunningInwx", "running_inwx", "serve_inwx"]
