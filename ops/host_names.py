"""Host names as somebody types them on a command line."""

from ops.failure import CommandError


def stored(name: str) -> str:
    """Return `name` as it is stored: A-labels, lower case.

    Raises:
        CommandError: it is no host name; exit code 2.

    """
    from shared.hosts import as_stored  # noqa: PLC0415 - idna is needed by few commands

    try:
        return as_stored(name)
    except ValueError as error:
        raise CommandError(str(error), exit_code=2) from error
