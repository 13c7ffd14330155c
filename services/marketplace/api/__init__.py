"""The order API, ``/api/v1``: one router for each resource. docs/api.md tells how it is used."""
