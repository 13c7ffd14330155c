"""The operators' desk on a terminal: what `vrs dlq` opens, chooses, shows, edits and exports."""
