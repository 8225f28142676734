"""The published JSON Schema of the report."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

__all__ = ["report_schema"]


def report_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that every ``report.json`` of this version obeys.

    The same text is published as ``docs/reference/report.schema.json``. It is strict: it describes exactly the
    ``schema_version`` that this release writes. What a reader may rely on over versions, and what it must tolerate,
    stands in ``docs/reference/report-json.md``.

    Returns:
        The schema as plain Python values; a new copy at every call.

    References:
        JSON Schema, draft 2020-12, https://json-schema.org/draft/2020-12/schema.

    Verified against: reports of all scenarios of the simulator in both languages, validated with jsonschema 4.26.

    Example:
        >>> import experiments as ex
        >>> schema = ex.report_schema()
        >>> schema["$id"], "figures" in schema["required"]
        ('urn:wakelift:report:1.1', True)
    """
    text = files("experiments.report").joinpath("report.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
