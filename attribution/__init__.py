"""Who gets the credit: touches and conversions in, credit by any model out, with its sums, intervals and reasons.

Credit sums to what happened; it proves no cause. What a campaign caused is answered by the package `experiments`.

Example:
    >>> import attribution as at
    >>> at.Rules(lookback="14d").lookback_text()
    '14d'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution._version import __version__
from attribution.core.lazy import attach

if TYPE_CHECKING:
    from attribution.checks import Checks as Checks
    from attribution.checks import check_tables as check_tables
    from attribution.compare import compare_models as compare_models
    from attribution.core.columns import Columns as Columns
    from attribution.core.errors import ConservationError as ConservationError
    from attribution.core.errors import DesignError as DesignError
    from attribution.core.errors import InputError as InputError
    from attribution.core.errors import TableError as TableError
    from attribution.core.errors import TableIssue as TableIssue
    from attribution.core.errors import WakeLiftError as WakeLiftError
    from attribution.core.errors import WakeLiftWarning as WakeLiftWarning
    from attribution.core.estimates import Comparison as Comparison
    from attribution.core.estimates import Estimate as Estimate
    from attribution.core.findings import Finding as Finding
    from attribution.core.language import language as language
    from attribution.core.language import set_language as set_language
    from attribution.costs import ChannelSpend as ChannelSpend
    from attribution.costs import channel_spend as channel_spend
    from attribution.costs import price_touches as price_touches
    from attribution.costs import sms_segments as sms_segments
    from attribution.credit.attribute import attribute as attribute
    from attribution.credit.credit import Credit as Credit
    from attribution.credit.origin import OriginComparison as OriginComparison
    from attribution.credit.origin import compare_origins as compare_origins
    from attribution.credit.path_credit import PathCredit as PathCredit
    from attribution.credit.path_tables import attribute_paths as attribute_paths
    from attribution.difference import explain_difference as explain_difference
    from attribution.identity import Identity as Identity
    from attribution.identity import resolve_identity as resolve_identity
    from attribution.journeys.arrays import JourneyArrays as JourneyArrays
    from attribution.journeys.build import build_journeys as build_journeys
    from attribution.journeys.path_counts import PathCounts as PathCounts
    from attribution.journeys.plan import Journeys as Journeys
    from attribution.models.custom import CustomModel as CustomModel
    from attribution.models.decay import TimeDecay as TimeDecay
    from attribution.models.last_non_direct import LastNonDirect as LastNonDirect
    from attribution.models.markov import Markov as Markov
    from attribution.models.markov_fit import MarkovFit as MarkovFit
    from attribution.models.markov_order import MarkovOrders as MarkovOrders
    from attribution.models.markov_order import choose_markov_order as choose_markov_order
    from attribution.models.participation import participation as participation
    from attribution.models.position import FirstTouch as FirstTouch
    from attribution.models.position import LastTouch as LastTouch
    from attribution.models.position import Linear as Linear
    from attribution.models.position import PositionBased as PositionBased
    from attribution.models.protocol import Model as Model
    from attribution.models.registry import RULE_MODELS as RULE_MODELS
    from attribution.models.shapes import InverseJ as InverseJ
    from attribution.models.shapes import JShaped as JShaped
    from attribution.models.shapes import UShaped as UShaped
    from attribution.models.shapes import WShaped as WShaped
    from attribution.models.shapley import Shapley as Shapley
    from attribution.models.shapley_fit import ShapleyFit as ShapleyFit
    from attribution.plots.credit import plot_credit as plot_credit
    from attribution.plots.dumbbell import plot_dumbbell as plot_dumbbell
    from attribution.plots.flow import plot_flow as plot_flow
    from attribution.plots.plot import Plot as Plot
    from attribution.plots.timing import plot_path_lengths as plot_path_lengths
    from attribution.plots.timing import plot_time_to_conversion as plot_time_to_conversion
    from attribution.presets import VendorPreset as VendorPreset
    from attribution.presets import vendor_preset as vendor_preset
    from attribution.rules import Rules as Rules

_EXPORTS = {
    "ChannelSpend": "attribution.costs",
    "Checks": "attribution.checks",
    "Columns": "attribution.core.columns",
    "Comparison": "attribution.core.estimates",
    "ConservationError": "attribution.core.errors",
    "Credit": "attribution.credit.credit",
    "CustomModel": "attribution.models.custom",
    "DesignError": "attribution.core.errors",
    "Estimate": "attribution.core.estimates",
    "Finding": "attribution.core.findings",
    "FirstTouch": "attribution.models.position",
    "Identity": "attribution.identity",
    "InputError": "attribution.core.errors",
    "InverseJ": "attribution.models.shapes",
    "JShaped": "attribution.models.shapes",
    "JourneyArrays": "attribution.journeys.arrays",
    "Journeys": "attribution.journeys.plan",
    "LastNonDirect": "attribution.models.last_non_direct",
    "LastTouch": "attribution.models.position",
    "Linear": "attribution.models.position",
    "Markov": "attribution.models.markov",
    "MarkovFit": "attribution.models.markov_fit",
    "MarkovOrders": "attribution.models.markov_order",
    "Model": "attribution.models.protocol",
    "OriginComparison": "attribution.credit.origin",
    "PathCounts": "attribution.journeys.path_counts",
    "PathCredit": "attribution.credit.path_credit",
    "Plot": "attribution.plots.plot",
    "PositionBased": "attribution.models.position",
    "RULE_MODELS": "attribution.models.registry",
    "Rules": "attribution.rules",
    "Shapley": "attribution.models.shapley",
    "ShapleyFit": "attribution.models.shapley_fit",
    "TableError": "attribution.core.errors",
    "TableIssue": "attribution.core.errors",
    "TimeDecay": "attribution.models.decay",
    "UShaped": "attribution.models.shapes",
    "VendorPreset": "attribution.presets",
    "WShaped": "attribution.models.shapes",
    "WakeLiftError": "attribution.core.errors",
    "WakeLiftWarning": "attribution.core.errors",
    "attribute": "attribution.credit.attribute",
    "attribute_paths": "attribution.credit.path_tables",
    "build_journeys": "attribution.journeys.build",
    "channel_spend": "attribution.costs",
    "check_tables": "attribution.checks",
    "choose_markov_order": "attribution.models.markov_order",
    "compare_models": "attribution.compare",
    "compare_origins": "attribution.credit.origin",
    "explain_difference": "attribution.difference",
    "language": "attribution.core.language",
    "participation": "attribution.models.participation",
    "plot_credit": "attribution.plots.credit",
    "plot_dumbbell": "attribution.plots.dumbbell",
    "plot_flow": "attribution.plots.flow",
    "plot_path_lengths": "attribution.plots.timing",
    "plot_time_to_conversion": "attribution.plots.timing",
    "price_touches": "attribution.costs",
    "resolve_identity": "attribution.identity",
    "set_language": "attribution.core.language",
    "sms_segments": "attribution.costs",
    "vendor_preset": "attribution.presets",
}

__all__ = [
    "RULE_MODELS", "ChannelSpend", "Checks", "Columns", "Comparison", "ConservationError", "Credit", "CustomModel",
    "DesignError", "Estimate", "Finding", "FirstTouch", "Identity", "InputError", "InverseJ", "JShaped",
    "JourneyArrays", "Journeys", "LastNonDirect", "LastTouch", "Linear", "Markov", "MarkovFit", "MarkovOrders", "Model",
    "OriginComparison", "PathCounts", "PathCredit", "Plot", "PositionBased", "Rules", "Shapley", "ShapleyFit",
    "TableError", "TableIssue", "TimeDecay", "UShaped", "VendorPreset", "WShaped", "WakeLiftError", "WakeLiftWarning",
    "__version__", "attribute", "attribute_paths", "build_journeys", "channel_spend", "check_tables",
    "choose_markov_order", "compare_models", "compare_origins", "explain_difference", "language", "participation",
    "plot_credit", "plot_dumbbell", "plot_flow", "plot_path_lengths", "plot_time_to_conversion", "price_touches",
    "resolve_identity", "set_language", "sms_segments", "vendor_preset",
]  # fmt: skip

__getattr__, __dir__ = attach(__name__, _EXPORTS)
