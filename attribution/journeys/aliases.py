"""Several names of one channel, which split its credit: 短信, SMS and "sms "."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attribution.core.values import Labels

__all__ = ["alias_groups", "channel_aliases", "plain_name"]

_SEPARATORS = re.compile(r"[\W_]+")

# Words for one and the same channel, as plain names; only those that can hardly mean two channels.
_WORDS = (
    ("sms", "短信", "短消息", "text", "textmessage", "shortmessage", "手机短信"),
    ("phone", "电话", "外呼", "电销", "电话外呼", "call", "phonecall", "telephone", "tel", "outboundcall"),
    ("push", "推送", "消息推送", "app推送", "pushnotification", "apppush"),
    ("banner", "横幅", "横幅广告", "bannerad"),
    ("search", "搜索"),
    ("email", "邮件", "电子邮件", "mail", "edm"),
    ("wechat", "微信", "weixin"),
    ("wecom", "企业微信", "企微", "wxwork", "workwechat"),
    ("miniprogram", "小程序", "miniapp"),
    ("officialaccount", "公众号", "微信公众号"),
    ("inapp", "站内信", "inappmessage"),
    ("direct", "直接", "直接访问"),
    ("display", "展示", "展示广告", "displayad"),
    ("referral", "转介绍", "推荐"),
    ("branch", "网点"),
    ("store", "门店"),
)
_MEANING = {word: group[0] for group in _WORDS for word in group}


def plain_name(name: object) -> str:
    """A channel's name as it is compared: one width, one case, no blanks or separators, one word for synonyms.

    What stands between two digits stays, as one sign: the channels 1.1 and 11 are two.
    """
    text = unicodedata.normalize("NFKC", str(name)).casefold()
    parts = _SEPARATORS.split(text)
    bare = "".join(parts[:1])
    for part in parts[1:]:
        bare += ("-" if bare[-1:].isdigit() and part[:1].isdigit() else "") + part
    return _MEANING.get(bare, bare or text)


def alias_groups(names: Iterable[str]) -> list[list[str]]:
    """The groups of two and more names that seem to mean one channel, sorted."""
    groups: dict[str, set[str]] = {}
    for name in names:
        groups.setdefault(plain_name(name), set()).add(name)
    return sorted(sorted(group) for group in groups.values() if len(group) > 1)


def channel_aliases(channel: Labels) -> tuple[Finding, ...]:
    """Names of the touches' channels that seem to mean one channel, with the recoding that would join them."""
    counts = np.bincount(channel.codes, minlength=len(channel.names)).tolist()
    rows: dict[str, int] = {}
    for name, count in zip(channel.names, counts, strict=True):
        rows[str(name)] = rows.get(str(name), 0) + count
    groups = alias_groups(rows)
    if not groups:
        return ()
    listed, recode, aliased = [], dict[str, str](), 0
    for group in groups:
        main = max(group, key=lambda name: (rows[name], name))
        others = [name for name in group if name != main]
        listed.append(" = ".join(f"{name!r} ({rows[name]:,})" for name in (main, *others)))
        recode |= dict.fromkeys(others, main)
        aliased += sum(rows[name] for name in others)
    values = {
        "groups": "; ".join(listed[:5]),
        "n": aliased,
        "rows": len(channel),
        "recode": str(dict(list(recode.items())[:20])),
    }
    return (Finding(code="CHANNEL_ALIASES", status="warn", values=values),)
