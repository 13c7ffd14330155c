"""``python -m ops`` is ``vrs``."""

from ops.start import main

if __name__ == "__main__":  # processes that are forked from this one import it under another name
    main()
