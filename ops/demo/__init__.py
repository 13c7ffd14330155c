"""The demo: places the example orders and tells how each of them goes live."""
