"""The database's one history, for alembic. ``vrs db upgrade`` runs it; several containers may do so at once."""
