"""vrs-core's own boot: what runs inside a customer's container.

It has no bus and no database, only what Coolify gave it in its environment. `boot` fetches the project's manifest from
the marketplace and converges: what is licensed is downloaded, verified, unpacked and checked, then put in place as one
set. Whatever happens on the way, the old set or the new one stands.
"""
