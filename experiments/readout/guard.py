"""What may define arms, strata and segments; the rule lives with the design of experiments."""

from __future__ import annotations

from experiments.design.late_columns import KNOWN_POST, refuse_disguised, refuse_post

__all__ = ["KNOWN_POST", "refuse_disguised", "refuse_post"]
