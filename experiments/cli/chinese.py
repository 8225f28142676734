"""The simulated campaign with Chinese names: arms, channels, sources and the words of its plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

__all__ = ["chinese_plan", "chinese_tables"]

_ARMS = {"holdout": "留白", "digital": "线上触达", "sms": "加发短信", "full": "再加电话"}
_CHANNELS = {"push": "推送", "banner": "横幅", "sms": "短信", "phone": "电话", "search": "搜索"}
_SOURCES = {
    "app_store": "应用商店", "official": "官方渠道", "rebate": "返利渠道", "referral": "转介绍", "search": "搜索",
}  # fmt: skip
_COLUMNS = {"arm": _ARMS, "channel": _CHANNELS, "source": _SOURCES}
_BY_ARM = ("p_", "c_", "closed_")
_SOURCE = "来源"


def chinese_plan(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The plan of a simulated campaign as a Chinese analyst would write it."""
    experiment = plan["experiment"]
    return {
        **plan,
        "campaign": {
            **plan["campaign"], "name": "2026 年四季度唤醒活动", "population": "分组时已沉默 90 天或以上的客户",
        },
        "experiment": {
            **experiment,
            "who": "WakeLift 模拟器",
            "how": "逐人独立随机抽取",
            "control": _ARMS[experiment["control"]],
            "order": [_ARMS[arm] for arm in experiment["order"]],
            "segments": _SOURCE if experiment["segments"] == "source" else experiment["segments"],
            "steps": {
                _ARMS[arm]: [_CHANNELS[channel] for channel in channels]
                for arm, channels in experiment["steps"].items()
            },
        },
    }  # fmt: skip


def chinese_tables(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables of a simulated campaign with the names that `chinese_plan` uses; their numbers stay as they are."""
    return {name: _named(frame) for name, frame in tables.items()}


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    changed = {
        column: frame[column].map(lambda value, names=names: names.get(value, value))
        for column, names in _COLUMNS.items()
        if column in frame.columns
    }
    if "arms" in frame.columns:  # the arms that caused a fixed cost, joined by semicolons
        changed["arms"] = frame["arms"].map(_joined, na_action="ignore")
    heads = {f"{start}{arm}": f"{start}{name}" for start in _BY_ARM for arm, name in _ARMS.items()}
    return frame.assign(**changed).rename(columns=heads | {"source": _SOURCE})


def _joined(arms: str) -> str:
    return ";".join(_ARMS.get(arm, arm) for arm in arms.split(";"))
