"""``python -m services.core``."""

from services.core.app import main

main()
