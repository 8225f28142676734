"""What a correct analysis of each scenario must say, as data: the codes, and where they are found.

At 60,000 persons every row holds in at least 95 of 100 campaigns, most of them in nearly all.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

__all__ = ["EXPECTED", "Expected", "expected_table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One expected finding or verdict.

    Attributes:
        where: The function that says it.
        code: The code of the finding or error, or the word of the verdict.
        status: Status of the finding, "error", or "verdict".
        arm: Arm of the verdict or finding; None where it is about the campaign.
        threshold: Threshold of the verdict, yuan.
        segment: Value of the segment, as "column=value".
        reason: Reason of the verdict, when one overrides its interval.
    """

    where: str
    code: str
    status: str
    arm: str | None = None
    threshold: float | None = None
    segment: str | None = None
    reason: str | None = None


def _verdict(
    word: str, arm: str, threshold: float, *, segment: str | None = None, reason: str | None = None
) -> Expected:
    return Expected(
        where="cost_thresholds",
        code=word,
        status="verdict",
        arm=arm,
        threshold=threshold,
        segment=segment,
        reason=reason,
    )


_STEPS = (_verdict("PASS", "sms", 125.0), _verdict("FAIL", "full", 60.0))
EXPECTED: Mapping[str, tuple[Expected, ...]] = MappingProxyType(
    {
        "default": (*_STEPS, _verdict("FAIL", "full", 85.0)),
        "dirty": tuple(
            Expected(where="check_tables", code=code, status="warn")
            for code in ("CHANNEL_ALIASES", "NEAR_DUPLICATE", "REPEATED_TOUCH", "TEST_ACCOUNTS")
        )
        + tuple(
            Expected(where="check_tables", code=code, status="error")
            for code in ("DUPLICATE_ID", "DUPLICATE_TOUCH_ID", "UNPRICED_CHANNEL")
        ),
        "null": (
            Expected(where="Experiment", code="POST_ASSIGNMENT", status="error"),
            _verdict("FAIL", "full", 60.0),
            _verdict("FAIL", "full", 125.0),
        ),
        "weak": (_verdict("INCONCLUSIVE", "sms", 85.0), _verdict("FAIL", "full", 85.0)),
        "phone_harm": (_verdict("FAIL", "full", 125.0, reason="HARM_GUARDRAIL"),),
        "hunter_heavy": (
            _verdict("PASS", "sms", 125.0, segment="source=rebate"),
            _verdict("FAIL", "sms", 30.0, segment="source=rebate"),
        ),
        "market_rally": (_verdict("FAIL", "full", 60.0), _verdict("FAIL", "full", 85.0)),
        "adaptive_resend": (Expected(where="Experiment", code="POST_ASSIGNMENT", status="error"), *_STEPS),
        "waves": (
            Expected(where="Experiment.analyze", code="UNUSED_STRATUM", status="warn"),
            _verdict("PASS", "full", 125.0, segment="wave=1"),
            _verdict("FAIL", "full", 85.0, segment="wave=2"),
            _verdict("FAIL", "full", 85.0, segment="wave=3"),
            _verdict("FAIL", "full", 125.0, segment="wave=3"),
        ),
        "pull_forward": (
            Expected(where="pull_forward", code="PULL_FORWARD", status="warn", arm="sms"),
            Expected(where="pull_forward", code="PULL_FORWARD", status="warn", arm="full"),
        ),
        "leak": (
            Expected(where="Experiment.analyze", code="LEAKAGE", status="warn"),
            Expected(where="Experiment.analyze", code="LEAKAGE_LARGE", status="warn"),
            *_STEPS,
        ),
        "srm": (
            Expected(where="Experiment.analyze", code="SRM", status="fail"),
            _verdict("INVALID", "sms", 85.0, reason="SRM"),
        ),
        "split_ids": (
            Expected(where="resolve_identity", code="TWO_ARMS", status="note"),
            Expected(where="build_outcomes", code="REPEATED_PERSON", status="error"),
            Expected(where="build_outcomes", code="TWO_ARMS", status="fail"),
            _verdict("INVALID", "sms", 85.0, reason="TWO_ARMS"),
        ),
    }
)


def expected_table(scenario: str) -> pd.DataFrame:
    """The expected rows of a scenario as a table."""
    import pandas as pd

    columns = list(Expected.__dataclass_fields__)
    rows = [asdict(row) for row in EXPECTED.get(scenario, ())]
    return pd.DataFrame(rows, columns=columns).astype({"threshold": float})
