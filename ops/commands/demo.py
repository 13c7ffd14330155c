"""``vrs demo``."""


def demo() -> None:
    """TODO."""
