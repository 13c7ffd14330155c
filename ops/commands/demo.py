"""``vrs demo``."""

# ruff: noqa: PLC0415 - imports on call, see the package
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    pass


def demo(
    orders: Annotated[int | None, typer.Option(help="How many orders; the files over and over.", min=1)] = None,
    latency: Annotated[float, typer.Option(help="Seconds of each call to INWX and Coolify.", min=0)] = 0.02,
    deploy_seconds: Annotated[float, typer.Option(help="Seconds of a deployment.", min=0)] = 2.0,
    boot_seconds: Annotated[float, typer.Option(help="Seconds until vrs-core has booted.", min=0)] = 1.0,
    rate_limit: Annotated[int, typer.Option(help="Coolify's requests a minute; its default is 200.", min=8)] = 6000,
    deadline: Annotated[float, typer.Option(help="Seconds until all must be live.", min=1)] = 300.0,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr.")] = False,
) -> None:
    """Run the whole system, place the orders of examples/orders, and watch each go live.

    They are of each kind: a name of ours, domains in our account, to be registered, and held elsewhere, where the demo
    plays the customer. Then a domain is transferred to a live project, and mail is made possible under another. With
    --orders none is held elsewhere, with --json nothing follows.

    Starts everything it needs and stops it again. Exit 0 only if every order is live and the customers are told.

    Examples:
      vrs demo
      vrs demo --orders 50 --latency 0.05 --deploy-seconds 5 --boot-seconds 2
      vrs demo --json | jq '.orders[].seconds'

    """
    from ops import foreground
    from ops.demo.play import Wishes, play
    from ops.vendors import Latencies

    wishes = Wishes(
        orders=orders,
        latencies=Latencies(latency, deploy_seconds, boot_seconds, rate_limit),
        deadline=deadline,
        as_json=as_json,
    )
    raise typer.Exit(0 if foreground.run(play(wishes)) else 1)
