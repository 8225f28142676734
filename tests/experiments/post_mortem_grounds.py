"""Evidence and grounds of simulated campaigns, and every text and number of a section."""

from __future__ import annotations

import copy
import re
from unittest import mock

from attribution import language
from attribution.core.render.display import Cell, table_text
from experiments.plan import Plan
from experiments.post_mortem import analyses
from experiments.post_mortem.analyses import durability, execution, harms, pressure, return_times
from experiments.post_mortem.evidence import gather
from experiments.post_mortem.gates import invalid_codes
from experiments.post_mortem.sections.ground import Ground

OWN = (execution, pressure, harms, return_times, durability)  # what the sections under test rest on
TABLES = ("touches", "conversions", "assignment", "prices", "history")
# No figure of any text is one of these; "information" and the like are words.
UNDEFINED = re.compile(r"(?<![A-Za-z_])(nan|NaN|None|inf|Infinity|NaT|<NA>)(?![A-Za-z_])")


def tables_of(campaign):
    return {name: getattr(campaign, name) for name in TABLES}


def evidence_of(campaign, *, change=None, **tables):
    """The evidence; `change` alters the plan, and named tables stand for the campaign's own (None: left out)."""
    plan = copy.deepcopy(campaign.plan)
    if change is not None:
        change(plan)
    data = {name: table for name, table in {**tables_of(campaign), **tables}.items() if table is not None}
    with mock.patch.object(analyses, "_ANALYSES", OWN):
        return gather(Plan.from_dict(plan), data)


def section_of(module, evidence, lang="en"):
    with language(lang):
        codes = invalid_codes(evidence.findings(), ())
        return module.build(Ground(evidence=evidence, decisions=(), trust_line="", invalid=codes))


def texts_of(section, lang="en"):
    """Everything that is said in a section, tables as they are printed."""
    with language(lang):
        tables = [table_text(table) for table in (*section.tables, *section.folded)]
    charts = [
        text
        for chart in section.charts
        for text in (chart.title, chart.subtitle, chart.alt, *chart.words.values(), *(name for _, name in chart.marks))
    ]
    said = (section.title, section.question, section.answer, section.flag, *section.paragraphs, *section.definitions)
    return [*said, *charts, *tables]


def table_of(section, words):
    """The table whose title begins so."""
    return next(table for table in (*section.tables, *section.folded) if table.title.startswith(words))


def rows_of(table):
    """Rows of a table as dicts by heading; a cell with its ends as a tuple, one of words as its note."""
    made = []
    for row in table.rows:
        shown = [_plain(value) for value in row]
        made.append(dict(zip((column.label for column in table.columns), shown, strict=True)))
    return made


def _plain(value):
    if not isinstance(value, Cell):
        return value
    return value.note if value.value is None else (value.value, value.low, value.high)
