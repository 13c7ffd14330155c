"""What dns does when an event comes: one file per event."""
