"""RabbitMQ and PostgreSQL as containers, for machines with a container engine and without the programs."""

from collections.abc import Iterator
from contextlib import contextmanager

RABBITMQ = "rabbitmq:4-management"
POSTGRES = "postgres:17"


def engine_answers() -> bool:
    """Whether a container engine lets us in."""
    import docker  # type: ignore[import-untyped]  # noqa: PLC0415 - with testcontainers only where it is needed

    try:
        docker.from_env(timeout=5).ping()
    except (docker.errors.DockerException, OSError):
        return False
    return True


@contextmanager
def rabbitmq_container() -> Iterator[str]:
    """Run RabbitMQ; gives the AMQP URL once it answers."""
    from testcontainers.rabbitmq import RabbitMqContainer  # noqa: PLC0415 - as above

    with RabbitMqContainer(RABBITMQ) as container:
        address = f"{container.get_container_host_ip()}:{container.get_exposed_port(container.port)}"
        yield f"amqp://{container.username}:{container.password}@{address}/"


@contextmanager
def postgres_container() -> Iterator[str]:
    """Run PostgreSQL; gives the URL once it answers."""
    from testcontainers.postgres import PostgresContainer  # noqa: PLC0415 - as above

    with PostgresContainer(POSTGRES, driver=None) as container:
        yield container.get_connection_url()
