"""What the simulated vendors are told to do wrong: every kind of fault that they know, none of which lies.

A vendor that says "not found" of what it has would be believed; no client can do better. So the refusals are those
that a vendor in trouble really gives: of rights, of load, of a value, of the credentials.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.chaos.pace import Pace


class Vendor(StrEnum):
    """Who is outside."""

    INWX = "inwx"
    BREVO = "brevo"
    COOLIFY = "coolify"
    CORE = "core"
    SMTP = "smtp"


@dataclass(frozen=True, slots=True)
class Fault:
    """Bodies of ``POST /_control``; each is armed, later the vendor is reset."""

    vendor: Vendor
    body: dict[str, Any]


ANY_HTTP = ("error", "error_after", "rate_limited", "malformed", "empty")
INWX_CALLS = (
    "nameserver.info",
    "nameserver.createRecord",
    "nameserver.deleteRecord",
    "domain.create",
    "domain.transfer",
    "*",
)
BREVO_CALLS = ("create_domain", "get_domain", "authenticate_domain", "delete_domain")
COOLIFY_CALLS = ("create_environment", "create_application", "update_variables", "deploy", "delete_application", "*")
INWX_REFUSALS = (
    ("nameserver.createRecord", 2201),
    ("nameserver.deleteRecord", 2201),
    ("domain.create", 2500),
    ("domain.transfer", 2500),
    ("*", 2400),
    ("*", 2502),
)
COOLIFY_REFUSALS = (("create_application", 422), ("deploy", 403), ("delete_application", 403), ("*", 500), ("*", 503))
APP_FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "never_boots"},
    {"kind": "plugin", "plugin": "shop"},
    {"kind": "plugin", "plugin": "blog", "state": "failed"},
    {"kind": "plugin", "plugin": "crm", "version": "0.0.1"},
    {"kind": "health_500"},
    {"kind": "slow", "seconds": 2.0},
    {"kind": "wrong_certificate"},
    {"kind": "unsigned"},
    {"kind": "close"},
)
SERVER = "srv0000000000000000000003"
UNHEALTHY = "vrs-projects.example"
"""A part of a domain: deployments of what has it in its name fail their health check."""


def catalogue(pace: Pace) -> list[Fault]:
    """Every fault once."""
    return [
        *_http(Vendor.INWX, INWX_CALLS, pace),
        *_http(Vendor.BREVO, BREVO_CALLS, pace),
        *_http(Vendor.COOLIFY, COOLIFY_CALLS, pace),
        *_http(Vendor.CORE, ("health", "converge"), pace),
        *(_refused(Vendor.INWX, call, code) for call, code in INWX_REFUSALS),
        _refused(Vendor.INWX, "account.login", 2200),
        *(_refused(Vendor.BREVO, call, code) for call in BREVO_CALLS[:2] for code in (403, 503)),
        *(_refused(Vendor.COOLIFY, call, code) for call, code in COOLIFY_REFUSALS),
        _refused(Vendor.CORE, "health", 503),
        Fault(Vendor.INWX, {"expire_sessions": True}),
        Fault(Vendor.INWX, {"propagation": [0.0, pace.while_ / 2]}),
        Fault(Vendor.INWX, {"latency": 0.2}),
        Fault(Vendor.INWX, {"registration_seconds": pace.while_}),
        Fault(Vendor.INWX, {"transfer_seconds": pace.while_}),
        Fault(Vendor.BREVO, {"latency": 0.3}),
        Fault(Vendor.BREVO, {"dkim": "txt"}),
        Fault(Vendor.COOLIFY, {"fail_deployments": 6}),
        Fault(Vendor.COOLIFY, {"stick_deployments": 3}),
        Fault(Vendor.COOLIFY, {"deploy_seconds": pace.while_}),
        Fault(Vendor.COOLIFY, {"delete_seconds": pace.while_}),
        Fault(Vendor.COOLIFY, {"restart_seconds": pace.while_ / 2}),
        Fault(Vendor.COOLIFY, {"server": {"uuid": SERVER, "reachable": False}}),
        Fault(Vendor.COOLIFY, {"deployments_as_object": True}),
        Fault(Vendor.COOLIFY, {"unhealthy": [UNHEALTHY]}),
        Fault(Vendor.COOLIFY, {"blip_seconds": pace.while_}),
        # Whoever is throttled is told to wait for up to a minute, which a short run has not.
        *([] if pace.hurry else [Fault(Vendor.COOLIFY, {"rate_limit": 60}), Fault(Vendor.BREVO, {"rate_limit": 20})]),
        Fault(Vendor.COOLIFY, {"latency": 0.3}),
        Fault(Vendor.CORE, {"boot_seconds": pace.while_}),
        *(Fault(vendor, {"latency": 0.3}) for vendor in (Vendor.CORE, Vendor.SMTP)),
        *(Fault(Vendor.CORE, {"app_fault": {"fqdn": "*", **fault}}) for fault in APP_FAULTS),
        *(_refused(Vendor.SMTP, call, code) for call in ("RCPT", "DATA") for code in (450, 550)),
        *(_fault(Vendor.SMTP, {"call": call, "kind": "lost_answer", "times": 3}) for call in ("RCPT", "DATA")),
        *(_fault(Vendor.SMTP, {"call": "DATA", "kind": "slow", "seconds": s, "times": 2}) for s in (1.0, pace.lost)),
    ]


def _http(vendor: Vendor, calls: tuple[str, ...], pace: Pace) -> list[Fault]:
    return [
        fault
        for call in calls
        for fault in (
            *(_fault(vendor, {"call": call, "kind": kind, "times": 5}) for kind in ANY_HTTP),
            _fault(vendor, {"call": call, "kind": "lost_answer", "seconds": pace.lost, "times": 1}),
            _fault(vendor, {"call": call, "kind": "slow", "seconds": pace.timeout / 2, "times": 2}),
            _fault(vendor, {"call": call, "kind": "slow", "seconds": pace.lost, "times": 1}),
        )
    ]


def _refused(vendor: Vendor, call: str, code: int) -> Fault:
    return _fault(vendor, {"call": call, "kind": "refused", "code": code, "times": 2})


def _fault(vendor: Vendor, fault: dict[str, Any]) -> Fault:
    return Fault(vendor, {"fault": fault})
