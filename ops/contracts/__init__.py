"""The documents that integrators read, generated from the running code, and what holds them to it."""
