"""What rules make of small tables: paths, the status of each touch, findings."""

from __future__ import annotations

import attribution as at


def paths(touches, conversions, rules: at.Rules, **tables) -> dict[str, str]:
    """The path of each conversion, by its id."""
    credit = at.attribute(touches, conversions, models="linear", rules=rules, **tables)
    found = dict.fromkeys(conversions["conversion_id"], "")
    for row in credit.touches().to_dicts():
        found[row["conversion_id"]] = (found[row["conversion_id"]] + " " + row["channel"]).strip()
    return found


def statuses(touches, conversions, rules: at.Rules, name: str = "o", **tables) -> list[str]:
    credit = at.attribute(touches, conversions, models="linear", rules=rules, **tables)
    return [row["status"] for row in credit.explain(name).to_dicts()]


def findings(plan) -> dict[str, dict]:
    return {finding.code: dict(finding.values) for finding in plan.findings}
