"""The deployables, one folder each. They meet only in events: no service imports another."""
