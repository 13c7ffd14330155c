"""Measurements: run on demand, never as tests. Each prints what it measured and how."""
