"""``python -m ops.ready [URL]``: a container's health check, exit 0 if the service is ready.

It imports next to nothing, for it runs every few seconds. Without a URL it asks ``/health/ready`` on
``VRS_HEALTH_PORT``; whatever the answer says stands in the engine's health log.
"""

import os
import sys
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

TIMEOUT = 4.0


def main() -> int:
    """Ask once."""
    url = sys.argv[1] if len(sys.argv) > 1 else f"http://127.0.0.1:{os.environ['VRS_HEALTH_PORT']}/health/ready"
    try:
        with urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310 - the container's own port
            status, told = answer.status, answer.read()
    except HTTPError as error:
        status, told = error.code, error.read()
    except (URLError, OSError) as error:
        status, told = 0, str(error).encode()
    sys.stdout.write(told.decode(errors="replace") + "\n")
    return 0 if 200 <= status < 300 else 1  # noqa: PLR2004 - HTTP's successes


if __name__ == "__main__":
    sys.exit(main())
