"""Every call of the table: see the modules that it is put together from."""

from __future__ import annotations

import degenerate_calls_attribution as attribution
import degenerate_calls_money as money
import degenerate_calls_numbers as numbers
import degenerate_calls_outcomes as outcomes
import degenerate_calls_reports as reports
import degenerate_calls_wakeup as wakeup

_MODULES = (attribution, numbers, outcomes, money, wakeup, reports)
CALLS = {name: call for module in _MODULES for name, call in module.CALLS.items()}
REASONS = {name: reason for module in _MODULES for name, reason in module.REASONS.items()}
