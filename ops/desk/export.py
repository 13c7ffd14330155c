"""Dead letters as lines of JSON."""

from collections.abc import Callable, Sequence

from ops.desk.opened import amqp_url
from ops.failure import CommandError
from shared.database import Database
from shared.dead_letters.queues import BrokerAwayError, holding
from shared.dead_letters.room import read_bodies, read_room
from shared.dead_letters.transfer import exported
from shared.dead_letters.view import DeadLetter, joined


async def export_lines(
    database: Database | None, choose: Callable[[Sequence[DeadLetter]], Sequence[DeadLetter]]
) -> list[str]:
    """The chosen letters, a line each. Without a database the queues alone.

    Raises:
        CommandError: RabbitMQ does not answer.

    """
    try:
        async with holding(amqp_url()) as held:
            if database is None:
                letters = choose((await joined(None, None, held)).letters)
                return [line for letter in letters if (line := exported(letter, None))]
            async with database.autocommit.begin() as connection:
                view = await joined(database, await read_room(connection), held)
                letters = choose([letter for letter in view.letters if letter.waits])
                kept = await read_bodies(connection, [letter.key for letter in letters if not letter.letters])
    except BrokerAwayError as error:
        raise CommandError(f"{error}: is RabbitMQ running?") from error
    return [line for letter in letters if (line := exported(letter, kept.get(letter.key)))]
