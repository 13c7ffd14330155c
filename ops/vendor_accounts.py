"""Which secrets the vendors ask for, and what the simulators take."""

SIMULATED = {
    "inwx_password": "demo",
    "coolify_token": "7|demo-token",
    "smtp_url": "smtp://simulated-smtp:8400",
}
"""The file under which each vendor's secret stands, and the value that the simulators of compose.yaml accept."""
