"""The operators' desk: the ``vrs`` command, the database's schema, the local stack and the demo.

Knows shared and contracts; services are loaded by their entry points. Only here and in the tests are the simulators
known.
"""
