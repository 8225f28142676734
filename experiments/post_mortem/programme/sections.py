"""The sections of the page of a programme: profit to date, effects, audiences, verdicts, how it was made."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.records import Field, Records
from attribution.core.render.display import Cell, DisplayColumn, DisplayTable, column_label, records_table
from experiments.design.shown_words import in_words
from experiments.post_mortem.programme.hidden import COUNTS, shown_audiences, shown_contacts
from experiments.post_mortem.sections.appendix import recipes_table, settings_table
from experiments.post_mortem.sections.ground import made_section
from experiments.post_mortem.words import alt_text, interval_words, listed, word
from experiments.report.document import Chart, Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.estimates import Estimate
    from experiments.post_mortem.programme.members import LeftOut
    from experiments.programmes.result import Programme

__all__ = ["Programmed", "programme_sections"]

_TOTALS = {"value": "", "low": "_low", "high": "_high"}

_HIDDEN = (*COUNTS, "share_of_smaller")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Programmed:
    """What the page is made from.

    Attributes:
        result: The programme.
        left_out: Campaigns that do not count, with the reason.
        smallest: Groups of fewer persons are not shown.
    """

    result: Programme
    left_out: Sequence[LeftOut]
    smallest: int


def programme_sections(made: Programmed) -> list[Section]:
    """Every section, in the order of the page."""
    sections = [_total(made), _trust(made), _effects(made), _audiences(made)]
    if len(made.result.verdicts):
        sections.append(_verdicts(made))
    return [*sections, _appendix(made)]


def _shown(estimate: Estimate, kind: str) -> str:
    return interval_words(estimate.value, estimate.low, estimate.high, kind)


def _told(rows: Sequence[dict[str, Any]], name: str, kind: str) -> list[str]:
    return [
        f"{row['campaign']}: {interval_words(row[name], row[f'{name}_low'], row[f'{name}_high'], kind)}" for row in rows
    ]


def _total(made: Programmed) -> Section:
    found = made.result
    rows = found.to_dicts()
    said = found.sentence()
    charts = [_to_date(rows, word("programme.to_date_title", n=len(rows), total=_shown(found.total, "money")))]
    if len(rows) > 1:
        charts.append(_profits(rows))
    names = ("campaign", "as_of", "treated", "held_out", "net_per_1000", "profit", "profit_to_date")
    table = records_table(found.records, names, decisive="profit_to_date")
    return made_section(
        "programme_total", said, charts=tuple(charts), tables=(table,),
        paragraphs=(word("programme.shared", whole=found.total.standard_error, apart=found.independent_error),),
        definitions=found.recipe.sentences()[:1],
    )  # fmt: skip


def _to_date(rows: Sequence[dict[str, Any]], title: str) -> Chart:
    """Running totals over the dates of the data; row by row where campaigns share a date."""
    amounts = tuple(Field(name, "money") for name in ("value", "low", "high"))
    totals = [{end: row[f"profit_to_date{of}"] for end, of in _TOTALS.items()} for row in rows]
    told = alt_text(title, _told(rows, "profit_to_date", "money"))
    subtitle, yuan = word("programme.to_date_subtitle"), word("programme.yuan")
    if len({row["as_of"] for row in rows}) < len(rows):
        drawn = [{"label": row["campaign"], **total} for row, total in zip(rows, totals, strict=True)]
        return Chart(
            name="chart-profit-to-date", kind="forest", title=title, subtitle=subtitle, alt=told,
            records=Records.from_rows((Field("label", "text"), *amounts), drawn),
            words={"x": yuan, "zero": word("programme.zero")},
        )  # fmt: skip
    series = {"series": word("programme.to_date"), "role": "treated"}
    drawn = [
        {**series, "x": date.fromisoformat(row["as_of"]), **total} for row, total in zip(rows, totals, strict=True)
    ]
    fields = (Field("series", "text"), Field("role", "text"), Field("x", "date"), *amounts)
    return Chart(
        name="chart-profit-to-date", kind="curves", title=title, subtitle=subtitle, alt=told,
        records=Records.from_rows(fields, drawn), words={"x": column_label("as_of"), "y": yuan},
    )  # fmt: skip


def _profits(rows: Sequence[dict[str, Any]]) -> Chart:
    gained = [row["campaign"] for row in rows if row["profit_low"] > 0.0]
    lost = [row["campaign"] for row in rows if row["profit_high"] < 0.0]
    title = word("programme.profits", gained=len(gained), lost=len(lost), unclear=len(rows) - len(gained) - len(lost))
    drawn = [
        {"label": row["campaign"], "value": row["profit"], "low": row["profit_low"], "high": row["profit_high"]}
        for row in rows
    ]
    fields = (Field("label", "text"), *(Field(name, "money") for name in ("value", "low", "high")))
    return Chart(
        name="chart-profits", kind="forest", title=title, subtitle=word("programme.profits_subtitle"),
        alt=alt_text(title, _told(rows, "profit", "money")), records=Records.from_rows(fields, drawn),
        words={"x": word("programme.yuan"), "zero": word("programme.zero")},
    )  # fmt: skip


def _trust(made: Programmed) -> Section:
    """Which campaigns count; the renderers list the findings under it."""
    rows = [(one.campaign, one.as_of.isoformat(), one.reason) for one in made.left_out]
    table = DisplayTable(
        (DisplayColumn(column_label("campaign")), DisplayColumn(column_label("as_of")),
         DisplayColumn(word("programme.reason"))),
        tuple(rows), title=word("programme.left_out"),
    )  # fmt: skip
    return made_section("trust", _trust_line(made), tables=(table,) if rows else ())


def _trust_line(made: Programmed) -> str:
    many, left = len(made.result.records), len(made.left_out)
    if not left:
        return word("programme.all_count", n=many)
    return word("programme.some_count", n=many, left=left, names=listed(one.campaign for one in made.left_out))


def _effects(made: Programmed) -> Section:
    found, rows = made.result, made.result.to_dicts()
    if found.mean_effect is None:
        answer = word("programme.effects_few", n=len(rows))
    else:
        answer = word("programme.effects", mean=_shown(found.mean_effect, "per1000"), level=found.total.level)
    paragraphs = () if found.heterogeneity_p is None else (word("programme.differ", p=found.heterogeneity_p),)
    best = max(rows, key=lambda row: row["rate_effect"])
    own = interval_words(best["rate_effect"], best["rate_effect_low"], best["rate_effect_high"], "per1000")
    title = word("programme.best", campaign=best["campaign"], effect=own)
    if best["effect_shrunken"] is not None:
        ends = best["effect_shrunken_low"], best["effect_shrunken_high"]
        left = interval_words(best["effect_shrunken"], *ends, "per1000")
        title = word("programme.best_drawn", campaign=best["campaign"], left=left, effect=own)
    drawn = [line for row in rows for line in _pair(row)]
    fields = (Field("label", "text"), *(Field(name, "per1000") for name in ("value", "low", "high")))
    chart = Chart(
        name="chart-effects-together", kind="forest", title=title, subtitle=word("programme.effects_subtitle"),
        alt=alt_text(title, _told(rows, "rate_effect", "per1000")), records=Records.from_rows(fields, drawn),
        words={"x": column_label("rate_effect"), "zero": word("programme.zero")},
    )  # fmt: skip
    names = ["campaign", "rate_effect"]
    if found.spread is not None:
        names += ["effect_shrunken", "own_share"]
    return made_section(
        "programme_effects", answer, charts=(chart,), tables=(records_table(found.records, names),),
        paragraphs=paragraphs, definitions=found.recipe.sentences()[1:],
    )  # fmt: skip


def _pair(row: dict[str, Any]) -> list[dict[str, Any]]:
    own = {"label": row["campaign"], "value": row["rate_effect"], "low": row["rate_effect_low"],
           "high": row["rate_effect_high"]}  # fmt: skip
    if row["effect_shrunken"] is None:
        return [own]
    together = {"label": word("programme.drawn", campaign=row["campaign"]), "value": row["effect_shrunken"],
                "low": row["effect_shrunken_low"], "high": row["effect_shrunken_high"]}  # fmt: skip
    return [own, together]


def _audiences(made: Programmed) -> Section:
    found = made.result
    contacts = found.contacts.to_dicts()
    often = sum(row["persons"] for row in contacts if row["times_treated"] > 1)
    whole = sum(row["persons"] for row in contacts)
    kept = shown_contacts(found.contacts, made.smallest).to_dicts()
    shares = [_contact_row(row, own, made.smallest) for row, own in zip(contacts, kept, strict=True)]
    columns = tuple(DisplayColumn(column_label(field.name), field.kind) for field in found.contacts.fields)
    tables = [DisplayTable(columns, tuple(shares), title=messages.text("PROGRAMME.contacts"))]
    if len(found.audiences):
        tables.insert(0, _overlaps(found.audiences, made.smallest))
    share = often / whole if often == 0 or often >= made.smallest else 0.0
    answer = word("programme.audience", share=share, persons=whole) if share else word("programme.audience_apart")
    return made_section("programme_audiences", answer, tables=tuple(tables))


def _contact_row(row: dict[str, Any], kept: dict[str, Any], smallest: int) -> tuple[object, ...]:
    if kept["persons"] is None:
        hidden = _hidden(row["persons"], smallest)
        return row["times_treated"], hidden, hidden
    return row["times_treated"], row["persons"], row["share"]


def _hidden(count: int, smallest: int) -> Cell:
    """The place of a number that is not shown; one that only goes with a small one, which would follow, is bare."""
    return Cell(None, note=f"< {smallest}" if count < smallest else "")


def _overlaps(records: Records, smallest: int) -> DisplayTable:
    """Pairs of campaigns; a group of fewer persons than may be shown keeps its place and loses its number."""
    columns = tuple(DisplayColumn(column_label(field.name), field.kind) for field in records.fields)
    rows = []
    for row, kept in zip(records.to_dicts(), shown_audiences(records, smallest).to_dicts(), strict=True):
        counts = {name: row["in_both"] if name == "share_of_smaller" else row[name] for name in _HIDDEN}
        rows.append(tuple(
            _hidden(counts[name], smallest) if name in counts and kept[name] is None else value
            for name, value in row.items()
        ))  # fmt: skip
    return DisplayTable(columns, tuple(rows), title=word("programme.pairs"))


def _verdicts(made: Programmed) -> Section:
    verdicts = made.result.verdicts
    counts = Counter(verdicts.column("verdict_standing"))
    answer = word(
        "programme.standing", stands=counts["stands"], superseded=counts["superseded"], expired=counts["expired"]
    )
    segmented = any(verdicts.column("segment"))
    names = [field.name for field in verdicts.fields if field.name != "segment" or segmented]
    table = records_table(in_words(verdicts, "verdict_standing"), names, decisive="verdict_standing")
    return made_section("programme_verdicts", answer, tables=(table,))


def _appendix(made: Programmed) -> Section:
    recipe = made.result.recipe
    listed_recipe = [("programme", recipe)]
    return made_section(
        "appendix",
        word("appendix.answer"),
        tables=(recipes_table(listed_recipe),),
        folded=(settings_table(listed_recipe),),
        definitions=recipe.sentences(),
    )
