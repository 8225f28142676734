"""Reach by hand: one person after the other."""

from __future__ import annotations

__all__ = ["reach"]


def reach(rows: list[dict[str, object]], channels: dict[str, dict[str, str]]) -> dict[str, set[str]]:
    """The persons that each channel can reach."""
    found: dict[str, set[str]] = {name: set() for name in channels}
    for row in rows:
        for name, parts in channels.items():
            address = row[parts["address"]]
            there = address is not None and str(address).strip() != ""
            allowed = True
            if "permission" in parts:
                allowed = row[parts["permission"]] is True
            if "opt_out" in parts:
                allowed = row[parts["opt_out"]] is False
            if there and allowed:
                found[name].add(str(row["person_id"]))
    return found
