"""`wakelift power`: how many persons a test needs, what it can see, and whether it can show that a campaign pays."""

from __future__ import annotations

from typing import Any

import click

from experiments.cli.options import show_table

__all__ = ["command"]


@click.command("power")
@click.option("--rate", default=None, type=float, help="Rate in the control arm, for example 0.01 for 1 %.")
@click.option("--mean", default=None, type=float, help="Mean in the control arm; only --lift needs it.")
@click.option("--std", default=None, type=float, help="Standard deviation of the outcome; makes it a test of means.")
@click.option("--lift", default=None, type=float, help="Effect relative to the control: 0.2 is 20 % more than there.")
@click.option("--effect", default=None, type=float, help="Effect as a difference, in the unit of the outcome: 0.002.")
@click.option(
    "--n",
    "persons",
    default=None,
    type=float,
    help="Persons in the control arm. With an effect: what is the power? Without one: which effect can be seen?",
)
@click.option("--power", default=0.8, show_default=True, type=float, help="Wished chance of seeing the effect.")
@click.option("--level", default=0.95, show_default=True, type=float, help="Confidence level of the test.")
@click.option(
    "--side",
    default="two",
    show_default=True,
    type=click.Choice(["two", "greater", "less"]),
    help="Which differences count, treated minus control.",
)
@click.option(
    "--allocation", default=1.0, show_default=True, type=float, help="Treated per control person: a 10 % holdout has 9."
)
@click.option("--arms", default=1, show_default=True, type=int, help="Treated arms, each compared with the control.")
@click.option("--looks", default=1, show_default=True, type=int, help="Looks at the data, the last one included.")
@click.option(
    "--reach",
    default=1.0,
    show_default=True,
    type=float,
    help="Share of the treated whom the campaign reaches.",
)
@click.option("--icc", default=None, type=float, help="Correlation inside a cluster, when clusters are assigned.")
@click.option(
    "--cluster-size",
    "cluster_size",
    default=1.0,
    show_default=True,
    type=float,
    help="Persons in a cluster, on average.",
)
@click.option("--value", default=None, type=float, help="What one woken customer is worth: plans the verdict PASS.")
@click.option("--cost", default=None, type=float, help="Full cost per treated person but the incentive; with --value.")
@click.option(
    "--incentive",
    default=0.0,
    show_default=True,
    type=float,
    help="Paid to every treated person with the event, those included who would have come anyway; with --value.",
)
@show_table
def command(**options: Any) -> None:
    """Print the persons a test needs; with --n its power, or the smallest effect that it can see.

    Say what the control arm does (--rate for a share of persons; --std, and --mean, for money), and what the campaign
    is expected to add (--lift or --effect). With --value and --cost the question is not whether there is an effect but
    whether it pays: the verdict of `wakelift thresholds`.

    \b
    Examples:
      wakelift power --rate 0.01 --lift 0.2 --allocation 9          # persons needed
      wakelift power --rate 0.01 --lift 0.2 --allocation 9 --n 5000 # power
      wakelift power --rate 0.01 --allocation 9 --n 5000            # smallest effect
      wakelift power --mean 120 --std 300 --lift 0.05               # money per person
      wakelift power --rate 0.02 --lift 0.3 --allocation 9 --value 85 --cost 0.2  # until it can say PASS

    Exit codes: 0 done; 2 the numbers cannot be used.
    """
    from experiments.cli.answers import Answer, must_be_free
    from experiments.cli.planning import planned

    must_be_free(options["out"], force=options["force"])
    Answer(results={"power": planned(options)}).tell(options)
