"""What an operator is told when a command cannot do its work."""

import os
import sys
from collections.abc import Callable

from shared.errors import RefusedError
from shared.settings import SettingsError


class CommandError(Exception):
    """Foreseeable: shown as one line on stderr, without a traceback. The message says what to do.

    `exit_code` is 1, or 2 where the command was used wrongly.
    """

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def told(work: Callable[[], object]) -> None:
    """Do `work`; what was to be expected ends in a line on stderr and an exit code, not in a traceback."""
    try:
        work()
    except CommandError as error:
        _end(str(error), error.exit_code)
    except RefusedError as error:
        _end(str(error), 1)
    except SettingsError as error:
        _end(str(error), 2)
    except BrokenPipeError:  # of `vrs log … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _end(message: str, code: int) -> None:
    print(message, file=sys.stderr)  # noqa: T201 - the answer to a person
    sys.exit(code)
