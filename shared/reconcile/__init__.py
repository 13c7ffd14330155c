"""The database beside a vendor: what is missing there, doubled, orphaned, different, and the repair of one such thing.

A service that has a vendor registers how to open its `Reconciler` as an entry point of `finding.ENTRY_POINTS`; ``vrs
reconcile`` loads those, and the service itself runs `watch`. Nothing here knows a vendor.
"""
