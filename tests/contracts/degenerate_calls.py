"""Every call of the table: see the modules that it is put together from."""

from __future__ import annotations

import degenerate_calls_attribution as attribution
import degenerate_calls_numbers as numbers

_MODULES = (attribution, numbers)
CALLS = {name: call for module in _MODULES for name, call in module.CALLS.items()}
REASONS = {name: reason for module in _MODULES for name, reason in module.REASONS.items()}
