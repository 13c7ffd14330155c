"""Brevo as far as sender domains go: an API that looks at real name servers."""

from simulators.brevo.server import API_KEY, RunningBrevo, running_brevo

__all__ = ["API_KEY", "RunningBrevo", "running_brevo"]
