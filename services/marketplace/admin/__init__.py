"""The case workers' admin UI, ``/admin``: server-rendered pages in the frame of starlette-admin (docs/adr/0013)."""
