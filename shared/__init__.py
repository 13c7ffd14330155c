"""The kernel that every service stands on: models, messaging, database, settings, logs, health.

No vendor and no business rule belongs here.
"""
