"""The plugin registry, as `vrs plugins` and the marketplace use it.

`archive` reads what an archive says of itself, `registry` keeps signed releases and their bytes, `resolve` chooses what
a project's licences need.
"""
