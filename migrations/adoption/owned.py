"""The names of all tables, sequences and types that migrations make for provisioning alone.

A database in which one of them is somebody else's is not touched. A test holds this list against the models.
"""

OWN_TABLES = (
    "base_domains",
    "bundle_plugins",
    "cancellations",
    "capacity_waits",
    "core_tokens",
    "customer_waits",
    "dead_letter_archive",
    "dead_letter_notes",
    "deployments",
    "desk_action_letters",
    "desk_actions",
    "dns_records",
    "mails",
    "open_steps",
    "outbox",
    "placements",
    "plugin_chunks",
    "plugin_downloads",
    "plugin_releases",
    "preview_accesses",
    "project_domains",
    "project_orders",
    "provisioning_log",
    "reconciliations",
    "servers",
    "step_tokens",
    "type_placements",
    "watched_cores",
)

OWN_TYPES = [
    "deployment_stage",
    "desk_action_kind",
    "dns_record_holder",
    "dns_record_type",
    "download_outcome",
    "letter_outcome",
    "license_state",
    "locale",
    "log_status",
    "mail_recipient",
    "placement_strategy",
    "provisioning_state",
    "server_reach",
    "server_state",
    "step_state",
]
