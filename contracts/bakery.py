"""The bakery whose story `contracts.story` tells, and where it lives."""

from contracts.dns import TargetServer

DOMAIN = "baeckerei-schmidt.example"
EASTER = "osterlamm.example"
SERVER = TargetServer(
    id="k8w0s4ckcg4gwos4s0wk8k4c", name="tenants-2", region="fsn1", ipv4="203.0.113.20", ipv6="2001:db8::20"
)
