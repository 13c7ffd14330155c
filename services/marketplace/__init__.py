"""Publishes orders, changes and cancellations; gives each vrs-core its manifest and its plugins."""
