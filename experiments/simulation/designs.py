"""What a scenario changes beside the constants: who is assigned when, who is left out, and what is done to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

__all__ = ["AS_OF", "Design", "Wave"]

AS_OF = date(2026, 12, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """One wave of a campaign.

    Attributes:
        name: Its name, the stratum of its persons.
        start: Days between the first wave's assignment and this one's; a multiple of 7, so that weekdays agree.
        shares: Probability of each arm inside the wave.
        effect: What the effect of every touch is multiplied with.
        by_recency: Probability to be in this wave, by recency class.
    """

    name: str
    start: int
    shares: tuple[float, ...]
    effect: float
    by_recency: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How a campaign is run.

    Attributes:
        as_of: Date of the data.
        followed: Days after the assignment for which conversions are known, at least the window.
        rally: What everybody's hazard to return anyway is multiplied with from `rally_day` on.
        rally_day: Day of the window on which the rally begins.
        resend: The second message goes only to those who have not returned by then.
        waves: The waves; empty for one assignment with equal shares.
        pulled: When above 0, touches only bring forward returns that would come within `followed` days anyway: the
            hazard that they add is multiplied with this and acts on those returns alone.
        contamination: Share of the control group that gets the messages.
        dropped: Share of the treated who are taken off the lists after the assignment, the least likely to return.
        by_number: Customer numbers are assigned instead of persons.
        harms: The history tells who opted out and who complained within the window.
    """

    as_of: date = AS_OF
    followed: int = 28
    rally: float = 1.0
    rally_day: int = 10
    resend: bool = False
    waves: tuple[Wave, ...] = ()
    pulled: float = 0.0
    contamination: float = 0.0
    dropped: float = 0.0
    by_number: bool = False
    harms: bool = False
