"""``vrs contracts watch`` and ``vrs contracts rehearse``."""

# ruff: noqa: PLC0415 - imports on call, see the package
import asyncio
import json
import sys
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from ops.conformance.drift import Finding, Tally
    from ops.conformance.verdict import Verdict

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def watch(
    *,
    sample: Annotated[float, typer.Option(help="The part of the events that is checked.", min=0.0001, max=1)] = 1.0,
    seconds: Annotated[float | None, typer.Option("--for", help="Seconds; without, until SIGTERM.", min=0.1)] = None,
    metrics_port: Annotated[
        int | None, typer.Option(help="Serve Prometheus metrics on this port; 0 takes a free one.", min=0, max=65535)
    ] = None,
    metrics_host: Annotated[str, typer.Option(help="The address for the metrics.")] = "127.0.0.1",
    as_json: AsJson = False,
) -> None:
    """Check live traffic against the contracts: count what drifts, by event, problem and field. Keeps no message.

    Listens on a queue of its own that is gone when it ends, and needs VRS_AMQP_URL only. Problems are: unreadable,
    unknown_type, wrong_routing_key, missing_field, wrong_value, and unknown_field, which readers ignore.
    On a terminal a live table, else a line for each new kind of finding; with --json each of them and the sum at
    the end are JSON objects. Ends with exit code 1 if --for was given and there was drift.

    Examples:
      vrs contracts watch
      vrs contracts watch --for 60 --json
      vrs contracts watch --sample 0.1 --metrics-port 9464 --metrics-host 0.0.0.0

    """
    from rich.live import Live

    from ops import foreground
    from ops.conformance.sentinel import Sentinel, metrics_served

    table = sys.stdout.isatty() and not as_json

    def tell(**line: object) -> None:
        if not table:
            at = f"{datetime.now(UTC).isoformat(timespec='seconds')}"
            typer.echo(json.dumps({"at": at} | line) if as_json else f"{at} " + " ".join(map(str, line.values())))
            sys.stdout.flush()

    def on_new(finding: "Finding") -> None:
        tell(event=finding.event, problem=finding.problem, path=finding.path)

    sentinel = Sentinel(sample=sample, on_listening=lambda: tell(state="listening"), on_new=on_new)

    async def listen() -> None:
        # A signal is the usual way to end: it leads to the summary, and to exit code 0.
        with suppress(TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(seconds):
                await sentinel.listen()

    shown = Live(get_renderable=lambda: _drift_table(sentinel.tally), refresh_per_second=2) if table else nullcontext()
    with metrics_served(sentinel, metrics_host, metrics_port) as port:
        if port:
            tell(state="metrics", url=f"http://{metrics_host}:{port}/metrics")
        with shown:
            foreground.run(listen())
    _print_sum(sentinel.tally, as_json=as_json)
    if seconds is not None and sentinel.tally.drift:
        raise typer.Exit(1)


def rehearse(
    *,
    queue: Annotated[str, typer.Option(help="Your consumer's queue; it must be running and its queue empty.")],
    event: Annotated[list[str] | None, typer.Option(help="Only events of this type; repeat it for more.")] = None,
    dead_letters: Annotated[
        str | None, typer.Option(help="Where your queue's dead letters go; an empty queue. They count as refused.")
    ] = None,
    within: Annotated[float, typer.Option(help="Seconds for each case.", min=0.5)] = 10.0,
    acks: Annotated[
        bool, typer.Option("--acks", help="Then have the consumer stopped and count what it never acked.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Even if messages are waiting in the queue.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send a recorded stream to your consumer and report how it did; exit 1 if it failed a case.

    Duplicates, another order, late events, unknown fields, an unknown version, half an event. Of a consumer that does
    not answer, AMQP only shows that it takes the messages and puts none back: that is reported as unknown. To be
    judged wholly it sends {"outcome": "handled"} (or duplicate, ignored, refused) to the message's reply_to, with the
    message id as the correlation id. The projects are made up, source is /vrs/rehearsal; nothing is left behind.
    Queues of the system itself are refused. Needs VRS_AMQP_URL only.

    Examples:
      vrs contracts rehearse --queue my-shop.provisioning
      vrs contracts rehearse --queue my-shop.live --event vrs.core.healthy.v1 --dead-letters my-shop.dead --json

    """
    from ops import foreground
    from ops.bus import connect_bus
    from ops.conformance.rehearsal import Rehearsal
    from ops.conformance.stream import cases
    from ops.conformance.verdict import Mark
    from ops.failure import CommandError

    try:
        stream = cases(event or ())
    except ValueError as error:
        raise CommandError(f"--event: {error}", exit_code=2) from error

    async def play() -> "tuple[list[Verdict], int | None]":
        async with await connect_bus() as connection:
            rehearsal = Rehearsal(connection, queue, within, dead_letters)
            await rehearsal.check(force=force)
            verdicts = []
            async for verdict in rehearsal.play(stream):
                _print_verdict(verdict, as_json=as_json)
                verdicts.append(verdict)
            if not acks:
                return verdicts, None
            print("Stop your consumer now ...", file=sys.stderr)  # noqa: T201 - to a person
            return verdicts, await rehearsal.unacked()

    try:
        verdicts, unacked = foreground.run(play())
    except TimeoutError as error:
        raise CommandError("the consumer was not stopped within a minute: of acks nothing is known") from error
    if unacked is not None:
        typer.echo(json.dumps({"unacked": unacked}) if as_json else f"{unacked} messages were never acked")
    if unacked or len(verdicts) < len(stream) or any(verdict.mark is Mark.FAILED for verdict in verdicts):
        raise typer.Exit(1)


def _print_verdict(verdict: "Verdict", *, as_json: bool) -> None:
    if as_json:
        line = {"case": verdict.case.name, "result": verdict.mark, "reason": verdict.reason}
        typer.echo(json.dumps(line))
        return
    sign = {"passed": "✓", "failed": "✗", "unknown": "?"}[verdict.mark]
    typer.echo(f"{sign} {verdict.case.name:<16} {verdict.case.what}: {verdict.reason}")


def _print_sum(tally: "Tally", *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(tally.as_json()))
        return
    typer.echo(f"{tally.seen.total()} events seen, {tally.checked.total()} checked, {tally.drift.total()} problems")
    for finding, count in sorted(tally.drift.items()):
        typer.echo(f"{count:6} {finding}")


def _drift_table(tally: "Tally") -> "Table":
    from rich.table import Table

    table = Table("event", "seen", "checked", "drift")
    for event, seen in sorted(tally.seen.items()):
        found = [
            f"{count} x {finding.problem} {finding.path}"
            for finding, count in sorted(tally.drift.items())
            if finding.event == event
        ]
        table.add_row(event, str(seen), str(tally.checked[event]), "\n".join(found))
    return table
