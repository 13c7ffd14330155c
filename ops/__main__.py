"""``python -m ops`` is ``vrs``."""

from ops.cli import main

main()
