"""The marketplace's tables: made where they are missing, extended where they exist.

`tables` says what is made and what is added, `plan` what would happen to a database and what stands in the way,
`quiet` how a table in use is changed: for moments, or without being locked at all.
"""
