"""A mail server that delivers nothing: what arrives over SMTP can be read over HTTP."""

from .server import RunningSmtp, running_smtp, serve_smtp

__all__ = ["RunningSmtp", "running_smtp", "serve_smtp"]
