"""Who gets the credit: touches and conversions in, credit by any model out, with its sums, intervals and reasons.

Credit sums to what happened; it proves no cause. What a campaign caused is answered by the package `experiments`.

Example:
    >>> import attribution as at
    >>> at.Rules(lookback="14d").lookback_text()
    '14d'
"""

from __future__ import annotations

from attribution.core.lazy import attach, public_names

_EXPORTS = public_names(__file__)
__all__ = list(_EXPORTS)

__getattr__, __dir__ = attach(__name__, _EXPORTS)
