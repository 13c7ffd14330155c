"""Publishes orders and cancellations."""
