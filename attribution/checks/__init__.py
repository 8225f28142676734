"""Is the data fit? Every problem and everything suspicious in the tables of a campaign, without raising."""

from attribution.checks.result import Checks
from attribution.checks.tables import check_tables

__all__ = ["Checks", "check_tables"]
