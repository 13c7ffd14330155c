"""Orders a second through all four steps: the kernel as shipped, beside others that do the same work."""
