"""A first plan out of the user's tables: which table is which and which column plays which role, guessed visibly.

Names are compared without case, spaces and underscores. Nothing that decides a verdict is guessed: randomisation,
thresholds and shares stay for the user to declare.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from attribution.core.columns import Columns
from attribution.core.errors import InputError
from experiments.plan.files import TABLE_NAMES, read_table
from experiments.plan.spelling import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

__all__ = ["Guess", "guess_plan", "guess_table"]

_FILE_NAMES: Mapping[str, tuple[str, ...]] = {
    "touches": ("touch", "exposure", "contact", "impression", "触达", "触点", "曝光"),
    "conversions": ("conversion", "order", "transaction", "deal", "转化", "订单", "交易", "唤醒"),
    "assignment": ("assign", "arm", "split", "group", "分组", "分流"),
    "prices": ("price", "tariff", "unitcost", "单价", "价格"),
    "history": ("history", "feature", "covariate", "历史", "特征"),
    "spend": ("spend", "budget", "花费", "费用"),
    "links": ("link", "identity", "关联"),
    "outcomes": ("outcome", "结果"),
    "customers": ("customer", "client", "客户"),
}
_MARKS: Mapping[str, tuple[frozenset[str], ...]] = {  # roles whose columns show what a table is, most telling first
    "prices": (frozenset({"channel", "unit_cost"}),),
    "assignment": (frozenset({"person", "arm", "assigned_at"}), frozenset({"person", "arm"})),
    "conversions": (frozenset({"conversion", "time"}), frozenset({"person", "time", "value"})),
    "touches": (frozenset({"person", "time", "channel"}), frozenset({"touch", "time"})),
    "spend": (frozenset({"channel", "cost"}),),
}
_SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "person": (
        "user_id",
        "uid",
        "cust_id",
        "customer_no",
        "client_id",
        "客户号",
        "用户id",
        "客户编号",
        "客户id",
        "人员id",
    ),
    "time": (
        "timestamp",
        "event_time",
        "date",
        "datetime",
        "ts",
        "touch_time",
        "order_time",
        "时间",
        "触达时间",
        "交易时间",
        "下单时间",
        "日期",
    ),
    "channel": ("medium", "source_channel", "渠道", "触达渠道"),
    "value": ("amount", "margin", "revenue", "profit", "金额", "毛利", "收入", "利润"),
    "conversion": ("order_id", "order_no", "transaction_id", "deal_id", "订单号", "交易号", "转化号"),
    "touch": ("event_id", "message_id", "触达号", "触点号"),
    "kind": ("event", "event_type", "status", "类型", "状态"),
    "campaign": ("campaign_id", "campaign_name", "活动", "活动名称"),
    "cost": ("fee", "spend", "费用", "成本", "花费"),
    "segments": ("sms_segments", "短信条数", "条数"),
    "customer": ("customer_no", "客户号"),
    "arm": ("group", "variant", "bucket", "treatment", "组别", "分组", "实验组"),
    "p_assign": ("probability", "propensity", "share", "分组概率", "概率"),
    "assigned_at": ("assign_time", "assigned", "分组时间"),
    "stratum": ("strata", "layer", "分层"),
    "closed": ("close_date", "销户时间"),
    "basis": ("price_basis", "计费方式"),
    "unit_cost": ("price", "unit_price", "单价"),
    "incentive": ("coupon", "coupon_cost", "优惠券", "券成本"),
}
_ROLES: Mapping[str, tuple[str, ...]] = {
    "touches": ("person", "time", "channel", "touch", "kind", "origin", "campaign", "segments", "cost"),
    "conversions": ("person", "time", "conversion", "value", "incentive", "refund_of"),
    "assignment": ("person", "arm", "p_assign", "assigned_at", "stratum"),
    "prices": ("channel", "basis", "unit_cost", "arms"),
    "history": ("person", "closed"),
    "spend": ("channel", "cost"),
    "links": ("customer",),
    "outcomes": ("person", "arm", "p_assign", "stratum", "cost", "value"),
    "customers": ("customer", "person"),
}
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "touches": ("person", "time", "channel"),
    "conversions": ("person", "time"),
    "assignment": ("person", "arm"),
    "prices": ("channel", "basis", "unit_cost"),
    "history": ("person",),
    "spend": ("channel", "cost"),
    "outcomes": ("person", "arm"),
}
_CONTROLS = ("holdout", "control", "ctrl", "none", "no_contact", "对照", "对照组", "空白", "空白组", "留白", "留白组")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What a table seems to be.

    Attributes:
        name: Name of the table in the plan.
        path: The file, as the plan will write it.
        reason: What the name was guessed from.
        columns: Role -> column, where it is not the default name.
        missing: Needed roles for which no column was found.
        zone: Whether every time column carries a zone; None without times.
        table: The table.
    """

    name: str
    path: str
    reason: str
    columns: Mapping[str, str]
    missing: tuple[str, ...]
    zone: bool | None
    table: Any = field(repr=False)


def guess_table(path: Path, *, encoding: str = "utf-8") -> Guess:
    """Guess what the table in a file is.

    Raises:
        InputError: When the file cannot be read, or nothing in it shows what it is.
    """
    raw = read_table(path, encoding=encoding)
    table = _arrow(raw)
    names = list(table.column_names)
    name, reason = _name_of(path, names)
    columns = _columns(name, names)
    missing = tuple(role for role in _NEEDED.get(name, ()) if role not in columns)
    different = {role: column for role, column in columns.items() if column != Columns().name_of(role)}
    return Guess(
        name=name,
        path=path.as_posix(),
        reason=reason,
        columns=different,
        missing=missing,
        zone=_zoned(table, [columns[role] for role in ("time", "assigned_at") if role in columns]),
        table=table,
    )


def _arrow(raw: Any) -> pa.Table:
    import pyarrow as pa

    return raw if isinstance(raw, pa.Table) else pa.Table.from_pandas(raw, preserve_index=False)


def _squeezed(name: str) -> str:
    return re.sub(r"[\s_\-.]+", "", name.casefold())


def _name_of(path: Path, names: Sequence[str]) -> tuple[str, str]:
    stem = _squeezed(path.name.split(".")[0])
    for name, marks in _FILE_NAMES.items():
        if _squeezed(name) == stem or any(_squeezed(mark) in stem for mark in marks):
            return name, "the file's name"
    roles = {role for role in _SYNONYMS if _find(role, names) is not None}
    for name, choices in _MARKS.items():
        if any(choice <= roles for choice in choices):
            return name, "its columns"
    raise InputError(
        f"{shown(path.name)}: nothing in its name or columns shows what it is. Rename it after its table "
        f"({', '.join(TABLE_NAMES)}), for example touches{path.suffix}."
    )


def _find(role: str, names: Sequence[str]) -> str | None:
    """The column of a role: its default name, else a known synonym."""
    squeezed = {_squeezed(name): name for name in reversed(names)}
    for candidate in (Columns().name_of(role), *_SYNONYMS.get(role, ())):
        if _squeezed(candidate) in squeezed:
            return squeezed[_squeezed(candidate)]
    return None


def _columns(table: str, names: Sequence[str]) -> dict[str, str]:
    """Role -> column; a column plays one role only."""
    found: dict[str, str] = {}
    for role in _ROLES[table]:
        column = _find(role, [name for name in names if name not in found.values()])
        if column is not None:
            found[role] = column
    return found


def _zoned(table: pa.Table, columns: Sequence[str]) -> bool | None:
    import pyarrow as pa

    kinds = [table.schema.field(column).type for column in columns]
    kinds = [kind for kind in kinds if pa.types.is_timestamp(kind)]
    return all(kind.tz is not None for kind in kinds) if kinds else None


def guess_plan(guesses: Sequence[Guess], *, campaign: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The keys of a first plan, and a comment for each that was guessed.

    Raises:
        InputError: When two files seem to be the same table.
    """
    comments: dict[str, str] = {}
    tables: dict[str, Any] = {}
    for guess in sorted(guesses, key=lambda item: TABLE_NAMES.index(item.name)):
        if guess.name in tables:
            other = tables[guess.name]["path"]
            raise InputError(
                f"{shown(other)} and {shown(guess.path)} both seem to be {guess.name!r}. Give one of them."
            )
        tables[guess.name] = _table_keys(guess, comments)
    by_name = {guess.name: guess for guess in guesses}
    plan: dict[str, Any] = {"campaign": _campaign_keys(campaign, by_name, comments), "tables": tables}
    plan["experiment"] = _experiment_keys(by_name.get("assignment") or by_name.get("outcomes"), comments)
    plan["metrics"] = {"woken": {"kind": "rate", "column": "woken", "role": "primary"}}
    plan["attribution"] = {
        "models": ["first_touch", "last_touch", "linear", "time_decay", "position_based"],
        "lookback": "30d",
    }
    plan["costs"] = {"thresholds": [60, 85, 125]}
    comments["costs.thresholds"] = "an example: declare what one woken customer may cost"
    plan["report"] = {"language": "en", "min_cell": 10}
    return plan, comments


def _table_keys(guess: Guess, comments: dict[str, str]) -> dict[str, Any]:
    place = f"tables.{guess.name}"
    comments[f"{place}.path"] = f"guessed from {guess.reason}"
    keys: dict[str, Any] = {"path": guess.path}
    if guess.missing:
        comments[f"{place}.path"] += f"; no column found for: {', '.join(guess.missing)}. Name it in columns"
    if guess.columns:
        keys["columns"] = dict(guess.columns)
        comments[f"{place}.columns"] = "guessed from the names of the columns"
    if guess.zone is False:
        comments[f"{place}.path"] += '; its times carry no zone: add, for example, timezone = "Asia/Shanghai"'
    return keys


def _campaign_keys(campaign: str, by_name: Mapping[str, Guess], comments: dict[str, str]) -> dict[str, Any]:
    from datetime import date

    last = max((day for guess in by_name.values() if (day := _last_day(guess)) is not None), default=None)
    comments["campaign.as_of"] = (
        "no times were found; set the date of the data"
        if last is None
        else "guessed: the last day with a touch or conversion"
    )
    comments["campaign.population"] = "say who was eligible"
    return {"name": campaign, "population": "all assigned persons", "as_of": last or date(2026, 1, 1)}


def _last_day(guess: Guess) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = guess.columns.get("time", Columns().time)
    if guess.name not in ("touches", "conversions") or column not in guess.table.column_names:
        return None
    values = guess.table.column(column)
    if not (pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)):
        return None
    last = pc.max(values).as_py()
    return last.date() if hasattr(last, "date") else last


def _experiment_keys(guess: Guess | None, comments: dict[str, str]) -> dict[str, Any]:
    keys: dict[str, Any] = {"randomised": False, "control": "holdout", "window": "28d"}
    comments["experiment.randomised"] = (
        "never guessed: set it to true only if arms were drawn at random, and add who, when, how"
    )
    if guess is None:
        return keys
    arms = _arms(guess)
    control = next((arm for arm in arms if _squeezed(arm) in {_squeezed(name) for name in _CONTROLS}), None)
    if control is not None and len(arms) > 1:
        keys["control"] = control
        # Steps decide verdicts, so their order is never guessed.
        others = ", ".join(repr(arm) for arm in arms if arm != control)
        comments["experiment.control"] = (
            f"guessed from the names of the arms; the others are {others}. Each is compared with the control until "
            "order = [...] says which arm builds on which"
        )
    else:
        comments["experiment.control"] = (
            f"not found among the arms ({', '.join(arms[:10])}); name the one that was left alone"
        )
    column = guess.columns.get("p_assign", Columns().p_assign)
    if column in guess.table.column_names:
        keys["shares"] = column
        comments["experiment.shares"] = "guessed from the names of the columns"
    return keys


def _arms(guess: Guess) -> list[str]:
    import pyarrow.compute as pc

    column = guess.columns.get("arm", Columns().arm)
    if column not in guess.table.column_names:
        return []
    found = [value for value in pc.unique(guess.table.column(column)).to_pylist() if value is not None]
    return sorted(str(value) for value in found)[:50]
