"""What the campaign caused, and whether it paid: experiments, cost thresholds, reconciliation, the post-mortem.

The ground floor, `attribution`, says who gets the credit; this package never turns credit into cause.
"""

from __future__ import annotations

from experiments._ours import check_attribution

check_attribution()

from attribution.core import messages  # noqa: E402 -- only after the check that it is ours
from attribution.core.lazy import attach, public_names  # noqa: E402

messages.register("experiments")

_EXPORTS = public_names(__file__)
__all__ = list(_EXPORTS)

__getattr__, __dir__ = attach(__name__, _EXPORTS)
