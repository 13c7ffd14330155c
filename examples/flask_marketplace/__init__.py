"""A marketplace in Flask and SQLAlchemy whose orders are provisioned."""
