"""What an operator is told when a command cannot do its work."""


class CommandError(Exception):
    """Foreseeable: shown as one line on stderr, without a traceback. The message says what to do.

    `exit_code` is 1, or 2 where the command was used wrongly.
    """

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
