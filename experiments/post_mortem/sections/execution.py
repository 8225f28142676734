"""The execution section: what was sent, shown, answered?"""

from __future__ import annotations

from attribution.core.formats import format_value
from attribution.core.records import Records
from attribution.core.render.display import DisplayColumn, DisplayTable
from experiments.post_mortem.execution import channel_activity
from experiments.post_mortem.sections.ground import Ground, bar_fields, made_section
from experiments.post_mortem.words import head, kind_words, word
from experiments.report.document import Chart, Section

__all__ = ["build"]


def build(ground: Ground) -> Section | None:
    """Touches by channel and kind; None without touches."""
    evidence = ground.evidence
    if evidence.tables.get("touches") is None:
        return None
    limit = evidence.plan.report.min_cell
    activity, small = channel_activity(evidence.plan, evidence.tables["touches"])
    total = sum(int(value) for value in activity.column("touches"))
    channels = len(set(activity.column("channel")))
    chart = execution_chart(activity)
    return made_section(
        "execution",
        word("execution.answer", touches=total, channels=channels),
        charts=() if chart is None else (chart,),
        tables=(activity_table(activity, small=small, limit=limit),),
    )


def activity_table(activity: Records, *, small: int, limit: int) -> DisplayTable:
    """Touches and persons by channel and kind, and how many groups are too small to show."""
    columns = (
        DisplayColumn(head("channel")),
        DisplayColumn(head("kind")),
        DisplayColumn(head("touches"), "count"),
        DisplayColumn(head("persons"), "count", decisive=True),
    )
    rows = tuple(
        (row["channel"], kind_words(row["kind"]), row["touches"], row["persons"]) for row in activity.to_dicts()
    )
    notes = (word("execution.small", groups=small, limit=limit),) if small else ()
    return DisplayTable(columns, rows, notes=notes)


def execution_chart(activity: Records) -> Chart | None:
    """Touches by channel and kind."""
    counted = activity.to_dicts()
    if not counted:
        return None
    rows = [
        {"group": row["channel"], "label": kind_words(row["kind"]), "role": "part", "start": 0, "end": row["touches"]}
        for row in counted
    ]
    totals: dict[str, int] = {}
    for row in counted:
        totals[row["channel"]] = totals.get(row["channel"], 0) + row["touches"]
    most = max(totals, key=lambda channel: totals[channel])
    title = word("chart.execution.title", channel=most, touches=totals[most], total=sum(totals.values()))
    told = [f"{row['group']} {row['label']}: {format_value(row['end'], 'count')}".replace(" :", ":") for row in rows]
    return Chart(
        name="chart-execution",
        kind="waterfall",
        title=title,
        subtitle=word("chart.execution.subtitle"),
        alt=f"{title}. {'; '.join(told)}",
        records=Records.from_rows(bar_fields("count"), rows),
        words={"x": word("chart.execution.x")},
    )
