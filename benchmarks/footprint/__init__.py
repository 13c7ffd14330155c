"""What a service costs before it does anything (`python -m benchmarks.footprint`)."""
