"""Models of places with usual names: U, J, inverse J, and W with a milestone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from attribution.core.errors import InputError
from attribution.core.findings import Finding
from attribution.models.position import TwoTouches, check_two, position_weights
from attribution.models.protocol import check_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.journeys.arrays import JourneyArrays
    from attribution.journeys.plan import Journeys

__all__ = ["InverseJ", "JShaped", "UShaped", "WShaped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UShaped:
    """40 % to the first eligible touch, 40 % to the last, 20 % equally to those between; half each of two.

    The shares of `PositionBased` under the name that analytics tools use.

    Attributes:
        two: What happens with two touches, as in `PositionBased`; for U every choice is half and half.
        name: The model's name in tables.

    Example:
        >>> import attribution as at
        >>> j = at.JourneyArrays.of([["banner", "sms", "phone"]], ages_seconds=[[9.0, 5.0, 0.0]])
        >>> [round(weight, 12) for weight in at.UShaped().weights(j).tolist()]
        [0.4, 0.2, 0.4]
    """

    two: TwoTouches = "proportional"
    name: str = "u_shaped"
    needs: ClassVar[Literal["touches"]] = "touches"
    definition: ClassVar[str] = "U_SHAPED"
    first: ClassVar[float] = 0.4
    last: ClassVar[float] = 0.4

    def __post_init__(self) -> None:
        check_name(self.name)
        check_two(self.two)

    def weights(self, j: JourneyArrays) -> NDArray[np.float64]:
        """The fixed shares, per journey."""
        return position_weights(j, self.first, self.last, self.two)


_J_DEFINITIONS = {"proportional": "J_SHAPED", "half_middle": "J_SHAPED_HALF_MIDDLE", "even": "J_SHAPED_EVEN"}
_INVERSE_DEFINITIONS = {"proportional": "INVERSE_J", "half_middle": "INVERSE_J_HALF_MIDDLE", "even": "INVERSE_J_EVEN"}


@dataclass(frozen=True, slots=True, kw_only=True)
class JShaped:
    """20 % to the first eligible touch, 60 % to the last, 20 % equally to those between.

    Attributes:
        two: Of two touches: 25/75 ("proportional"), 30/70 ("half_middle") or 50/50 ("even"); tools differ.
        name: The model's name in tables.

    Example:
        >>> import attribution as at
        >>> j = at.JourneyArrays.of([["banner", "sms", "phone"]], ages_seconds=[[9.0, 5.0, 0.0]])
        >>> [round(weight, 12) for weight in at.JShaped().weights(j).tolist()]
        [0.2, 0.2, 0.6]
    """

    two: TwoTouches = "proportional"
    name: str = "j_shaped"
    needs: ClassVar[Literal["touches"]] = "touches"
    first: ClassVar[float] = 0.2
    last: ClassVar[float] = 0.6

    def __post_init__(self) -> None:
        check_name(self.name)
        check_two(self.two)

    @property
    def definition(self) -> str:
        """Code of the definition: it says what happens with two touches."""
        return _J_DEFINITIONS[self.two]

    def weights(self, j: JourneyArrays) -> NDArray[np.float64]:
        """The fixed shares, per journey."""
        return position_weights(j, self.first, self.last, self.two)


@dataclass(frozen=True, slots=True, kw_only=True)
class InverseJ:
    """60 % to the first eligible touch, 20 % to the last, 20 % equally to those between.

    Attributes:
        two: Of two touches: 75/25 ("proportional"), 70/30 ("half_middle") or 50/50 ("even"); tools differ.
        name: The model's name in tables.

    Example:
        >>> import attribution as at
        >>> j = at.JourneyArrays.of([["banner", "sms", "phone"]], ages_seconds=[[9.0, 5.0, 0.0]])
        >>> [round(weight, 12) for weight in at.InverseJ().weights(j).tolist()]
        [0.6, 0.2, 0.2]
    """

    two: TwoTouches = "proportional"
    name: str = "inverse_j"
    needs: ClassVar[Literal["touches"]] = "touches"
    first: ClassVar[float] = 0.6
    last: ClassVar[float] = 0.2

    def __post_init__(self) -> None:
        check_name(self.name)
        check_two(self.two)

    @property
    def definition(self) -> str:
        """Code of the definition: it says what happens with two touches."""
        return _INVERSE_DEFINITIONS[self.two]

    def weights(self, j: JourneyArrays) -> NDArray[np.float64]:
        """The fixed shares, per journey."""
        return position_weights(j, self.first, self.last, self.two)


_END, _REST = 0.3, 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class WShaped:
    """30 % each to the first touch, the touch that led to a milestone, and the last; 10 % equally to the others.

    The milestone is something the person did on the way: registered, became a lead, opened the account. Its touch is
    the newest eligible one at or before the milestone. A touch with several roles takes the sum of their shares. Shares
    that nobody can take (no milestone, no other touch) are spread over the rest in proportion: without a milestone
    3/7, 1/7 between, 3/7; of two touches whichever holds the milestone takes 2/3.

    Attributes:
        milestone: Column of the conversions table with the instant at which the person reached the milestone; an empty
            cell means never. A milestone after the conversion counts as not reached.
        name: The model's name in tables.

    Raises:
        InputError: At use, when the conversions have no such column or it holds no instants with a time zone.

    Example:
        >>> import attribution as at, pandas as pd
        >>> days = pd.to_datetime([f"2026-10-0{day} 09:00Z" for day in (1, 2, 3, 4, 5)])
        >>> channels = ["search", "push", "sms", "mail", "phone"]
        >>> touches = pd.DataFrame({"person_id": "p1", "time": days, "channel": channels})
        >>> conversions = pd.DataFrame({"person_id": ["p1"], "time": days[4:], "conversion_id": ["o1"]})
        >>> conversions["registered_at"] = pd.to_datetime(["2026-10-03 12:00Z"])
        >>> credit = at.attribute(touches, conversions, models=at.WShaped(milestone="registered_at"))
        >>> {row["channel"]: round(row["conversions"], 12) for row in credit.to_dicts()}
        {'mail': 0.05, 'phone': 0.3, 'push': 0.05, 'search': 0.3, 'sms': 0.3, '(none)': 0.0}
    """

    milestone: str
    name: str = "w_shaped"
    needs: ClassVar[Literal["touches"]] = "touches"
    definition: ClassVar[str] = "W_SHAPED"

    def __post_init__(self) -> None:
        check_name(self.name)
        if not isinstance(self.milestone, str) or not self.milestone:
            raise InputError(
                f"milestone must name a column of the conversions, got {self.milestone!r}. It holds the instant at "
                "which the person reached the milestone."
            )

    @property
    def settings(self) -> dict[str, object]:
        """The milestone's column, for the recipe."""
        return {"milestone": self.milestone}

    def weights(self, j: JourneyArrays) -> NDArray[np.float64]:
        """The three shares and the rest, normalised per journey."""
        if not len(j):
            return np.zeros(0)
        begins, ends = j.offsets[:-1], j.offsets[1:] - 1
        weights = np.zeros(len(j.channel))
        weights[begins] += _END
        weights[ends] += _END  # a touch that is first and last holds both shares
        milestone = self._milestone_touch(j)
        weights[milestone[milestone >= 0]] += _END
        others = weights == 0
        free = np.add.reduceat(others.astype(np.int64), begins)
        weights += np.where(others, np.repeat(_REST / np.maximum(free, 1), j.lengths), 0.0)
        normalised: NDArray[np.float64] = weights / np.repeat(np.add.reduceat(weights, begins), j.lengths)
        return normalised

    def findings(self, journeys: Journeys) -> tuple[Finding, ...]:
        """How many touched conversions have no touch at or before a milestone: there the shares fall back."""
        touched = missing = 0
        for pairs in journeys.pairs():
            arrays = journeys.arrays(pairs)
            touched += len(arrays)
            if len(arrays):
                missing += int((self._milestone_touch(arrays) < 0).sum())
        if not missing:
            return ()
        values = {"n": missing, "conversions": touched, "share": missing / touched, "milestone": self.milestone}
        return (Finding(code="NO_MILESTONE", status="note", values=values),)

    def _milestone_touch(self, j: JourneyArrays) -> NDArray[np.int64]:
        """The place of each journey's milestone touch, -1 where there is none."""
        if j.conversion_time is None:
            raise InputError(
                "journeys written by hand do not say when they converted; WShaped works on journeys from tables."
            )
        reached, known = _instants(j.conversion_column(self.milestone), self.milestone)
        known &= reached <= j.conversion_time
        time = np.repeat(j.conversion_time, j.lengths) - np.rint(j.age_seconds * 1e6).astype(np.int64)
        before = np.repeat(known, j.lengths) & (time <= np.repeat(reached, j.lengths))
        places: NDArray[np.int64] = np.maximum.reduceat(np.where(before, np.arange(len(time)), -1), j.offsets[:-1])
        return places


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _instants(values: NDArray[np.object_], column: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Microseconds since 1970-01-01 UTC, and which cells hold one.

    Raises:
        InputError: For a cell that holds no instant with a time zone.
    """
    times, known = np.zeros(len(values), np.int64), np.zeros(len(values), bool)
    for place, value in enumerate(values.tolist()):
        if value is None:
            continue
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise InputError(
                f"the milestone column {column!r} must hold instants with a time zone, found {value!r}. "
                "In pandas: pd.to_datetime(column, utc=True), or .dt.tz_localize('Asia/Shanghai') for local times."
            )
        times[place], known[place] = (value - _EPOCH) // timedelta(microseconds=1), True
    return times, known
