"""Several campaigns of one programme: what they brought together, counted person by person."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.estimates import Estimate, check_level
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Records
from experiments.outcomes.numbering import number_keys
from experiments.programmes import result
from experiments.programmes.audiences import contacted_elsewhere, pairs_of_audiences, times_treated
from experiments.programmes.campaign import ProgrammeCampaign, read_persons
from experiments.programmes.joint import effects_of, joint_covariance
from experiments.programmes.shrinkage import FEWEST, Shrunken, shrink_effects
from experiments.programmes.standing import standings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta

    from numpy.typing import NDArray

    from experiments.programmes.campaign import Persons
    from experiments.programmes.joint import Effects

__all__ = ["programme"]

messages.register("experiments")

_FEW_EVENTS = 20
_FEW = "FEW_EVENTS"
_SINGULAR = 1e-9  # eigenvalue of a correlation matrix that is 0 but for rounding


def programme(
    campaigns: Mapping[str, ProgrammeCampaign],
    *,
    as_of: date | None = None,
    expires_after: str | timedelta = "365d",
    level: float = 0.95,
) -> result.Programme:
    """What several campaigns brought together: profit to date, effects drawn together, audiences, standing verdicts.

    Estimand: the incremental profit of all persons whom the campaigns treated, each against the held-out persons of
    its own campaign and stratum: the sum over treated persons of (threshold x woken - cost), or of (value - cost),
    less what as many held-out persons show. Campaigns are added up person by person: a person who is in several
    campaigns counts once in the variance, with everything that they add to each total, so a holdout that several
    campaigns share (whose luck repeats in every one of them) widens the interval as it must, and persons drawn anew
    each time do not.

    Effects of single campaigns are also drawn towards their common mean: the best of several results is too good on
    average (winner's curse), and what is left after shrinkage is what repeating that campaign may bring.

    Args:
        campaigns: Name to campaign. Ids of persons mean the same person in all of them.
        as_of: The day on which verdicts are looked at; the latest date of the campaigns by default.
        expires_after: Age beyond which a verdict has expired, for example "365d".
        level: Level of the intervals.

    Returns:
        One row per campaign by date, the total, shared audiences, contacts, verdicts with their standing.

    Raises:
        InputError: No campaign, one campaign under two names, or options that cannot be used.
        TableError: Missing columns, empty cells, repeated persons, text where amounts are expected.
        DesignError: NO_HOLDOUT, NO_COMMON_STRATUM, CLUSTERED_PROGRAMME.

    Assumptions:
        Persons were assigned at random inside the strata of each campaign, and one person's outcome does not depend on
        another's assignment. Intervals use t with Satterthwaite's degrees of freedom and need some 20 events in every
        arm; heavy-tailed values make them too narrow, as in a single campaign. A treated person's profit is counted in
        each campaign's own window: events in the overlap of two windows of one person count in both.

    References:
        Liang and Zeger (1986), Biometrika 73:13 (sums over persons as the unit of the variance); Neyman (1923);
        Gelman (2006), Bayesian Analysis 1:515 (the spread between campaigns).

    Verified against: an oracle with plain loops over persons; a single campaign against `money_test`; metafor for the
    shrinkage; coverage in simulated programmes with known truth, with a shared holdout and with holdouts drawn anew
    (tests/statistical/programme_designs.py).

    Example:
        >>> import experiments as ex
        >>> from datetime import date
        >>> campaigns = {}
        >>> for number, day in enumerate((date(2026, 3, 31), date(2026, 6, 30), date(2026, 9, 30))):
        ...     campaign = ex.simulate("default", persons=3_000, seed=number)
        ...     campaigns[f"wave {number + 1}"] = ex.ProgrammeCampaign(
        ...         outcomes=campaign.outcomes, as_of=day, threshold=85)
        >>> found = ex.programme(campaigns)
        >>> found.total.low < found.total.value < found.total.high
        True
        >>> found.table().columns[:4].tolist()
        ['campaign', 'as_of', 'treated', 'held_out']
    """
    level = check_level(level)
    ordered = _ordered(campaigns)
    day = _day(as_of, ordered)
    persons = [read_persons(name, campaign) for name, campaign in ordered.items()]
    _refuse_repeated(ordered, persons)
    codes, size = _numbered(ordered, persons)
    effects = [effects_of(part, np.argsort(code)) for part, code in zip(persons, codes, strict=True)]
    profit = joint_covariance(codes, size, [effect.profit_parts for effect in effects])
    counts = np.array([effect.persons for effect in effects], float)
    woken = joint_covariance(codes, size, [effect.woken_parts for effect in effects]) / np.outer(counts, counts)
    rates = np.array([effect.woken for effect in effects]) / counts
    shrunken = _shrunken(rates, woken, level)
    verdicts = Records.from_rows(result.VERDICTS, list(standings(ordered, as_of=day, expires_after=expires_after)))
    audiences = _audiences(list(ordered), pairs_of_audiences(codes, persons, size), persons, profit)
    rows = list(_rows(ordered, persons, effects, (profit, woken), shrunken, level))
    last = rows[-1]
    error = _root(float(profit.sum()))
    return result.Programme(
        records=Records.from_rows(result.CAMPAIGNS, rows),
        total=Estimate(
            value=last["profit_to_date"], low=last["profit_to_date_low"], high=last["profit_to_date_high"],
            p_value=_p(last["profit_to_date"], error, _degrees(profit, effects, len(effects))), level=level,
            method="summed over persons", n=size, standard_error=error,
        ),
        independent_error=_root(float(np.trace(profit))),
        mean_effect=_mean(shrunken, level),
        spread=None if shrunken is None else shrunken.spread,
        heterogeneity_p=_heterogeneity(rates, woken),
        audiences=audiences,
        contacts=_contacts(times_treated(codes, persons, size), size),
        verdicts=verdicts,
        findings=tuple(_findings(ordered, persons, contacted_elsewhere(codes, persons, size), rows, verdicts, profit)),
        recipe=Recipe(
            method="programme",
            definitions=("PROGRAMME", *(() if shrunken is None else ("PROGRAMME_SHRUNKEN",))),
            settings={"as_of": day.isoformat(), "expires_after": str(expires_after), "level": level},
            n={"campaigns": len(ordered), "persons": size},
            fingerprint=_fingerprint(persons),
        ),
    )  # fmt: skip


def _ordered(campaigns: object) -> dict[str, ProgrammeCampaign]:
    """The campaigns by date, then by name."""
    if not isinstance(campaigns, Mapping) or not campaigns:
        raise InputError("programme needs a mapping of at least one name to a ProgrammeCampaign.")
    for name, campaign in campaigns.items():
        if not isinstance(campaign, ProgrammeCampaign):
            raise InputError(f"campaign {name!r} must be a ProgrammeCampaign, got {type(campaign).__name__}.")
    return {
        str(name): campaigns[name] for name in sorted(campaigns, key=lambda name: (campaigns[name].as_of, str(name)))
    }


def _day(as_of: date | None, campaigns: Mapping[str, ProgrammeCampaign]) -> date:
    last = max(campaign.as_of for campaign in campaigns.values())
    if as_of is None:
        return last
    if not isinstance(as_of, date) or isinstance(as_of, datetime) or as_of < last:
        raise InputError(f"as_of must be a date, not before that of the latest campaign ({last}), got {as_of!s}.")
    return as_of


def _numbered(
    campaigns: Mapping[str, ProgrammeCampaign], persons: Sequence[Persons]
) -> tuple[list[NDArray[np.int64]], int]:
    """Numbers of the persons, the same for the same person in every campaign."""
    kinds = {name: str(part.key.type) for name, part in zip(campaigns, persons, strict=True)}
    if len({"text" if "string" in kind else "number" if "int" in kind else kind for kind in kinds.values()}) > 1:
        listed = ", ".join(f"{name!r}: {kind}" for name, kind in list(kinds.items())[:10])
        raise InputError(
            f"ids of persons have different types, so nobody would be found twice ({listed}). Give them one type."
        )
    return number_keys(*(part.key for part in persons))


def _root(variance: float) -> float:
    """The standard error; errors that cancel each other may leave a sum a rounding below 0."""
    return math.sqrt(max(variance, 0.0))


def _regular(covariance: NDArray[np.float64]) -> bool:
    """Whether no campaign lacks variance, and no campaign's error follows from the others' (the same persons again)."""
    errors = np.sqrt(np.diag(covariance))
    if not (errors > 0.0).all():
        return False
    return bool(np.linalg.eigvalsh(covariance / np.outer(errors, errors)).min() > _SINGULAR)


def _shrunken(rates: NDArray[np.float64], covariance: NDArray[np.float64], level: float) -> Shrunken | None:
    """The effects drawn together; None below three campaigns, or where the errors of some follow from the others'."""
    if len(rates) < FEWEST or not _regular(covariance):
        return None
    return shrink_effects(rates, covariance, level=level)


def _mean(shrunken: Shrunken | None, level: float) -> Estimate | None:
    if shrunken is None:
        return None
    return Estimate(
        value=shrunken.mean, low=shrunken.mean_low, high=shrunken.mean_high, level=level,
        method="random effects over the spread",
    )  # fmt: skip


def _degrees(covariance: NDArray[np.float64], effects: Sequence[Effects], many: int) -> float:
    """Satterthwaite's degrees of freedom of the sum of the first campaigns."""
    own = np.diag(covariance)[:many]
    below = float(sum(v * v / effect.degrees for v, effect in zip(own, effects, strict=False)))
    return float(own.sum()) ** 2 / below if below > 0.0 else math.inf


def _half(error: float, degrees: float, level: float) -> float:
    from scipy.special import ndtri, stdtrit

    tail = 0.5 + level / 2.0
    return error * float(ndtri(tail) if math.isinf(degrees) else stdtrit(degrees, tail))


def _p(value: float, error: float, degrees: float) -> float | None:
    from scipy.special import ndtr, stdtr

    if error <= 0.0:
        return None
    z = -abs(value) / error
    return float(2.0 * (ndtr(z) if math.isinf(degrees) else stdtr(degrees, z)))


def _rows(
    campaigns: Mapping[str, ProgrammeCampaign],
    persons: Sequence[Persons],
    effects: Sequence[Effects],
    covariances: tuple[NDArray[np.float64], NDArray[np.float64]],
    shrunken: Shrunken | None,
    level: float,
) -> Iterator[dict[str, Any]]:
    profit, woken = covariances
    to_date = 0.0
    for place, (name, campaign) in enumerate(campaigns.items()):
        effect = effects[place]
        to_date += effect.profit
        degrees = effect.degrees
        half = _half(math.sqrt(profit[place, place]), degrees, level)
        running = _root(float(profit[: place + 1, : place + 1].sum()))
        so_far = _half(running, _degrees(profit, effects, place + 1), level)
        rate, wide = effect.woken / effect.persons, _half(math.sqrt(woken[place, place]), degrees, level)
        per = 1000.0 / effect.persons
        yield {
            "campaign": name, "as_of": campaign.as_of.isoformat(),
            "treated": effect.persons, "held_out": effect.held_out,
            "rate_effect": rate, "rate_effect_low": rate - wide, "rate_effect_high": rate + wide,
            **_drawn(shrunken, place),
            "net_per_1000": per * effect.profit, "net_per_1000_low": per * (effect.profit - half),
            "net_per_1000_high": per * (effect.profit + half),
            "profit": effect.profit, "profit_low": effect.profit - half, "profit_high": effect.profit + half,
            "profit_to_date": to_date, "profit_to_date_low": to_date - so_far, "profit_to_date_high": to_date + so_far,
            "note": _FEW if _events(persons[place]) < _FEW_EVENTS else "",
        }  # fmt: skip


def _drawn(shrunken: Shrunken | None, place: int) -> dict[str, float | None]:
    if shrunken is None:
        return dict.fromkeys(("effect_shrunken", "effect_shrunken_low", "effect_shrunken_high", "own_share"))
    return {
        "effect_shrunken": float(shrunken.value[place]), "effect_shrunken_low": float(shrunken.low[place]),
        "effect_shrunken_high": float(shrunken.high[place]), "own_share": float(shrunken.weight[place]),
    }  # fmt: skip


def _events(persons: Persons) -> int:
    """Woken persons of the side, treated or held out, that has fewer of them."""
    return int(min(persons.woken[persons.held_out].sum(), persons.woken[~persons.held_out].sum()))


def _heterogeneity(rates: NDArray[np.float64], covariance: NDArray[np.float64]) -> float | None:
    """p-value of Cochran's Q with the full covariance."""
    from scipy.special import chdtrc

    if len(rates) < 2 or not _regular(covariance):
        return None
    inverse = np.linalg.inv(covariance)
    middle = float(inverse.sum(axis=0) @ rates / inverse.sum())
    rest = rates - middle
    return float(chdtrc(len(rates) - 1, float(rest @ inverse @ rest)))


def _audiences(
    names: Sequence[str], pairs: Sequence[Any], persons: Sequence[Persons], covariance: NDArray[np.float64]
) -> Records:
    errors = np.sqrt(np.diag(covariance))
    rows = []
    for pair in pairs:
        smaller = min(len(persons[pair.one].cell), len(persons[pair.two].cell))
        scale = float(errors[pair.one] * errors[pair.two])
        rows.append(
            {
                "campaign": names[pair.one], "with_campaign": names[pair.two], "in_both": pair.both,
                "share_of_smaller": pair.both / smaller, "both_treated": pair.both_treated,
                "both_held_out": pair.both_held_out, "first_only": pair.first_only, "second_only": pair.second_only,
                "correlation": float(covariance[pair.one, pair.two]) / scale if scale > 0.0 else None,
            }
        )  # fmt: skip
    return Records.from_rows(result.AUDIENCES, rows)


def _contacts(times: Sequence[int], size: int) -> Records:
    rows = [
        {"times_treated": number, "persons": many, "share": many / size} for number, many in enumerate(times) if many
    ]
    return Records.from_rows(result.CONTACTS, rows)


def _findings(
    campaigns: Mapping[str, ProgrammeCampaign],
    persons: Sequence[Persons],
    elsewhere: Sequence[int | None],
    rows: Sequence[dict[str, Any]],
    verdicts: Records,
    covariance: NDArray[np.float64],
) -> Iterator[Finding]:
    for name, part, reached, row in zip(campaigns, persons, elsewhere, rows, strict=True):
        held_out = int(part.held_out.sum())
        if reached:
            values = {"campaign": name, "persons": reached, "held_out": held_out, "share": reached / held_out}
            yield Finding(code="PROGRAMME_HELD_OUT_CONTACTED", status="warn", values=values)
        if row["note"] == _FEW:
            yield Finding(
                code="PROGRAMME_FEW_EVENTS", status="warn", values={"campaign": name, "events": _events(part)}
            )
        if part.left:
            values = {"campaign": name, "persons": part.left, "strata": part.left_strata}
            yield Finding(code="PROGRAMME_STRATA_LEFT", status="warn", values=values)
    if len(campaigns) > 1 and None in elsewhere:
        yield Finding(code="PROGRAMME_TIMES_UNKNOWN", status="unknown", values={})
    whole, alone = float(covariance.sum()), float(np.trace(covariance))
    if alone > 0.0 and whole != alone:
        values = {"factor": math.sqrt(max(whole, 0.0) / alone)}
        yield Finding(code="PROGRAMME_SHARED", status="note", values=values)
    expired = [row for row in verdicts.to_dicts() if row["verdict_standing"] == "expired"]
    if expired:
        names = ", ".join(dict.fromkeys(str(row["campaign"]) for row in expired))
        yield Finding(code="PROGRAMME_EXPIRED", status="warn", values={"n": len(expired), "names": names})


def _refuse_repeated(campaigns: Mapping[str, ProgrammeCampaign], persons: Sequence[Persons]) -> None:
    """The same outcomes under two names would count twice."""
    seen: dict[str, str] = {}
    for name, part in zip(campaigns, persons, strict=True):
        if not part.woken.any():  # nobody woke: two campaigns may look alike
            continue
        mark = _print_of(part)
        if mark in seen:
            raise InputError(
                f"campaigns {seen[mark]!r} and {name!r} hold the same persons with the same outcomes, which would "
                "count twice. Leave one of them out."
            )
        seen[mark] = name


def _print_of(part: Persons) -> str:
    return fingerprint({"person": part.key, "cell": part.cell, "net": part.net, "woken": part.woken})


def _fingerprint(persons: Sequence[Persons]) -> str:
    return fingerprint({"campaigns": np.array([_print_of(part) for part in persons], object)})
