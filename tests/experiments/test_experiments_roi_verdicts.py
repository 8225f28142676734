"""Verdicts: words, their overrides, guardrails, many rows, people needed, and the fixed wording."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import binom

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.estimates import Estimate, RatioSet
from attribution.core.randomness import generator
from experiments.inference.multiplicity import adjust_pvalues
from experiments.roi.arms import ArmCosts
from experiments.roi.guardrails import Guardrail
from experiments.roi.net_benefit import net_benefit
from experiments.roi.people import people_needed
from experiments.roi.undecided import IncrementalCost
from experiments.roi.verdicts import Verdict, adjust_verdicts, decide, no_holdout, verdict_p_values
from experiments.roi.wording import price_text, verdict_sentence

PASSING = Estimate(value=0.25, low=0.09, high=0.46, p_value=0.004, standard_error=0.09, n=15000)
FAILING = Estimate(value=-1.0, low=-1.226, high=-0.787, p_value=1e-9, standard_error=0.11, n=15000)
OPEN = Estimate(value=-0.16, low=-0.355, high=0.032, p_value=0.1, standard_error=0.1, n=15000)


# --- words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimate", "word"),
    [
        (PASSING, "PASS"),
        (FAILING, "FAIL"),
        (OPEN, "INCONCLUSIVE"),
        (Estimate(value=1.0, low=0.0, high=2.0), "INCONCLUSIVE"),
        (Estimate(value=-1.0, low=-2.0, high=0.0), "INCONCLUSIVE"),
        (Estimate(value=1.0, low=0.1, high=math.inf, side="greater"), "PASS"),
        (Estimate(value=-1.0, low=-3.0, high=math.inf, side="greater"), "INCONCLUSIVE"),
        (Estimate(value=-1.0, low=-math.inf, high=-0.1, side="less"), "FAIL"),
    ],
)
def test_the_interval_gives_the_word(estimate, word):
    verdict = decide(estimate)
    assert (verdict.word, verdict.reason) == (word, "")
    assert verdict.net_benefit is estimate


def test_failed_checks_come_before_everything():
    verdict = decide(PASSING, few_events=True, invalid=["SRM", "LEAK", "SRM"])
    assert (verdict.word, verdict.reason) == ("INVALID", "SRM; LEAK")


@pytest.mark.parametrize("estimate", [PASSING, FAILING])
def test_few_events_give_neither_pass_nor_fail(estimate):
    verdict = decide(estimate, few_events=True)
    assert (verdict.word, verdict.reason) == ("INCONCLUSIVE", "FEW_EVENTS")


def test_few_events_are_read_from_the_kernels_note():
    rich = ArmCosts(
        n=900, woken=300, cost_mean_woken=0, cost_mean_other=0, cost_variance_woken=0, cost_variance_other=0
    )
    poor = ArmCosts(n=900, woken=19, cost_mean_woken=0, cost_mean_other=0, cost_variance_woken=0, cost_variance_other=0)
    estimate = net_benefit([rich], [poor], 85.0)
    assert estimate.low > 0
    assert decide(estimate).word == "INCONCLUSIVE"
    assert decide(estimate, few_events=False).word == "PASS"


def test_a_verdict_needs_an_interval():
    with pytest.raises(InputError, match=r"needs the interval.*NO_HOLDOUT"):
        decide(no_holdout().net_benefit)


def test_no_holdout_has_no_number():
    verdict = no_holdout()
    assert (verdict.word, verdict.reason, verdict.net_benefit.value) == ("NO_HOLDOUT", "NO_HOLDOUT", None)


# --- guardrails -------------------------------------------------------------------------------------

RAIL = Guardrail("closed", 0.0005)
SAFE = RAIL.read(0.0, low=-0.0004, high=0.0005)
HARM = RAIL.read(0.002, low=0.0001, high=0.004)
UNKNOWN = RAIL.read(0.0, low=-0.001, high=0.001)


def test_states_of_a_guardrail():
    assert [r.state for r in (SAFE, HARM, UNKNOWN)] == ["safe", "harm", "undecided"]
    assert RAIL.read(0.0003, low=0.0001, high=0.0004).state == "safe"  # worse, but within the margin
    assert RAIL.read(0.001, low=0.0, high=0.002).state == "undecided"  # the bound must be above 0
    assert RAIL.read(None, low=None, high=None).state == "undecided"


@pytest.mark.parametrize(
    ("readings", "word", "reason"),
    [
        ([SAFE], "PASS", ""),
        ([SAFE, UNKNOWN], "INCONCLUSIVE", "GUARDRAIL_UNDECIDED"),
        ([UNKNOWN, HARM], "FAIL", "HARM_GUARDRAIL"),
    ],
)
def test_guardrails_act_on_a_pass(readings, word, reason):
    verdict = decide(PASSING, guardrails=readings)
    assert (verdict.word, verdict.reason) == (word, reason)


@pytest.mark.parametrize("estimate", [FAILING, OPEN])
@pytest.mark.parametrize("reading", [HARM, UNKNOWN])
def test_guardrails_leave_other_words(estimate, reading):
    assert decide(estimate, guardrails=[reading]).word == decide(estimate).word
    assert decide(estimate, guardrails=[reading]).reason == ""


@pytest.mark.parametrize("margin", [-0.1, math.nan, math.inf, True, "0.1"])
def test_a_wrong_margin_is_named(margin):
    with pytest.raises(InputError, match="margin of guardrail 'closed'"):
        Guardrail("closed", margin)


def test_a_guardrail_needs_a_name_and_a_level():
    with pytest.raises(InputError, match="name of a metric"):
        Guardrail("", 0.1)
    with pytest.raises(InputError, match=r"write level=0\.95"):
        Guardrail("closed", 0.1, level=95)


# --- many verdicts ----------------------------------------------------------------------------------


def test_p_values_of_a_verdict_by_side():
    assert verdict_p_values(PASSING) == (0.002, 0.998)
    assert verdict_p_values(Estimate(value=-1.0, p_value=0.02)) == (0.99, 0.01)
    assert verdict_p_values(Estimate(value=1.0, p_value=0.02, side="greater")) == (0.02, 1.0)
    assert verdict_p_values(Estimate(value=1.0, p_value=0.97, side="less")) == (1.0, 0.97)
    with pytest.raises(InputError, match="without value or p-value"):
        verdict_p_values(Estimate(value=None, note="NO_HOLDOUT"))


def test_holm_by_hand_for_pass_and_fail_separately():
    # alpha 0.025: passes 0.004*4, 0.008*3 hold, 0.02*2 does not; fails 0.006*4 holds. The primary row keeps its own.
    p_pass = [0.02, 0.008, 0.02, 0.004, 0.99]
    p_fail = [0.98, 0.992, 0.98, 0.996, 0.006]
    words = adjust_verdicts(p_pass, p_fail, [True, False, False, False, False])
    assert words == ("PASS", "PASS", "INCONCLUSIVE", "PASS", "FAIL")


def test_one_secondary_row_is_its_own_family():
    assert adjust_verdicts([0.024], [0.976], [False]) == ("PASS",)
    assert adjust_verdicts([0.024, 0.024], [0.976, 0.976], [False, False]) == ("INCONCLUSIVE", "INCONCLUSIVE")
    assert adjust_verdicts([0.024, 0.024], [0.976, 0.976], [False, False], contrast=[7, 7]) == ("PASS", "PASS")


def test_rows_of_a_contrast_share_its_part_until_all_of_them_are_decided():
    # Two contrasts: 0.0125 each. "a" keeps a row, so "b" stays at 0.0125 although another row of "a" passed.
    p_pass, contrast = [0.012, 0.02, 0.02], ["a", "a", "b"]
    p_fail = [1.0 - p for p in p_pass]
    words = adjust_verdicts(p_pass, p_fail, [False] * 3, contrast=contrast)
    assert words == ("PASS", "INCONCLUSIVE", "INCONCLUSIVE")
    # Once "b" is wholly decided, "a" has all of 0.025; a primary row neither takes nor gives a part.
    p_pass = [0.012, 0.02, 0.0124, 0.024]
    words = adjust_verdicts(
        p_pass, [1.0 - p for p in p_pass], [False, False, False, True], contrast=[*contrast, "primary"]
    )
    assert words == ("PASS", "PASS", "PASS", "PASS")
    # FAIL has its own step-down: what passed gives it nothing.
    words = adjust_verdicts([0.001, 0.98], [0.999, 0.02], [False, False], contrast=["a", "b"])
    assert words == ("PASS", "INCONCLUSIVE")


def test_the_order_of_rows_changes_no_word():
    rng = generator(3, "order of rows")
    p = rng.uniform(0, 0.06, 12)
    contrast = rng.integers(0, 4, 12).tolist()
    words = adjust_verdicts(p, 1.0 - p, [False] * 12, contrast=contrast)
    mixed = rng.permutation(12)
    again = adjust_verdicts(p[mixed], 1.0 - p[mixed], [False] * 12, contrast=[contrast[i] for i in mixed])
    assert again == tuple(words[i] for i in mixed)
    assert len(set(words)) == 2


def test_one_row_per_contrast_is_holm():
    rng = generator(4, "holm")
    for _ in range(200):
        p = (rng.uniform(0, 0.03, 5) ** 1.5 * 5).tolist()
        words = adjust_verdicts(p, [1.0 - x for x in p], [False] * 5)
        adjusted = adjust_pvalues(p, method="holm")
        assert words == tuple("PASS" if x < 0.025 else "INCONCLUSIVE" for x in adjusted)


def false_passes(campaigns, seed):
    """Three contrasts, each at 0 at its own threshold (60, 85, 125), negative below and clearly positive beyond."""
    rng = generator(seed, "false passes")
    thresholds = np.array([60.0, 85.0, 125.0])
    edges = np.array([60.0, 85.0, 125.0])
    # dY with standard error 1, dC known: statistics (T - edge) * 1 * effect + T * noise over T; the effect is large.
    noise = rng.normal(size=(campaigns, 3, 1))
    statistic = 40.0 * (thresholds - edges[:, None]) / thresholds + noise
    null = thresholds <= edges[:, None]
    contrast = np.repeat(np.arange(3), 3).tolist()
    p = ndtr(-statistic).reshape(campaigns, 9)
    wrong = 0
    for row in p:
        words = adjust_verdicts(row.tolist(), (1.0 - row).tolist(), [False] * 9, contrast=contrast)
        wrong += any(word == "PASS" for word, true in zip(words, null.ravel(), strict=True) if true)
    return wrong


def test_a_false_pass_is_no_likelier_than_said_when_each_contrast_has_its_own_threshold():
    campaigns = 8000
    found = false_passes(campaigns, 0)
    assert found <= binom.isf(1e-4, campaigns, 0.025)
    assert found >= binom.ppf(1e-4, campaigns, 0.015)  # nor is the error given away


def test_one_sided_rows_use_the_whole_alpha():
    assert adjust_verdicts([0.04], [1.0], [True], side="greater") == ("PASS",)
    assert adjust_verdicts([0.04], [0.96], [True]) == ("INCONCLUSIVE",)


def test_unadjusted_words_agree_with_the_interval():
    for estimate in (PASSING, FAILING, OPEN):
        up, down = verdict_p_values(estimate)
        assert adjust_verdicts([up], [down], [True]) == (decide(estimate).word,)


def test_the_adjusted_word_still_meets_the_overrides():
    assert decide(PASSING, word="INCONCLUSIVE").word == "INCONCLUSIVE"
    assert decide(PASSING, word="PASS", guardrails=[HARM]).reason == "HARM_GUARDRAIL"
    assert decide(FAILING, word="INCONCLUSIVE").word == "INCONCLUSIVE"


def test_wrong_rows_are_named():
    with pytest.raises(InputError, match="one entry per row"):
        adjust_verdicts([0.1], [0.9, 0.9], [True])
    with pytest.raises(InputError, match="between 0 and 1"):
        adjust_verdicts([1.1], [0.9], [True])


# --- people needed ----------------------------------------------------------------------------------


def test_people_by_hand():
    # (1.959964 + 0.841621)^2 = 7.848880; se/net = 0.1/0.2
    found = people_needed(OPEN, 15000, relevant_net=0.2)
    assert (found.number, found.label, found.reason) == (math.ceil(15000 * 7.848879734349086 / 4), "declared", "")
    assert people_needed(OPEN, 15000, relevant_net=-0.2).number == found.number


def test_without_a_declaration_the_label_says_so():
    found = people_needed(OPEN, 15000)
    assert found.label == "if_true"
    assert found.number == math.ceil(15000 * 7.848879734349086 * (0.1 / 0.16) ** 2)


def test_one_side_needs_fewer():
    one = Estimate(value=0.16, low=0.0, high=math.inf, side="greater", standard_error=0.1)
    assert people_needed(one, 15000).number == math.ceil(15000 * 6.182557232019765 * (0.1 / 0.16) ** 2)


def test_a_hundred_times_is_the_end():
    edge = 0.1 * math.sqrt(7.848879734349086) / 10
    assert people_needed(OPEN, 1000, relevant_net=edge * 1.0001).number <= 100_000
    assert people_needed(OPEN, 1000, relevant_net=edge * 0.9999).reason == "NOT_REACHABLE"
    assert people_needed(Estimate(value=0.0, low=-1, high=1, standard_error=0.1), 10).reason == "NOT_REACHABLE"


def test_no_error_no_number():
    assert people_needed(Estimate(value=0.1, low=0, high=1, standard_error=0.0), 10).reason == "UNKNOWN"
    assert people_needed(Estimate(value=0.1, low=0, high=1), 10).number is None


def test_as_many_persons_as_now_are_no_number():
    found = people_needed(OPEN, 15000, relevant_net=0.5)
    assert (found.number, found.reason, found.label, found.net) == (None, "ENOUGH_PERSONS", "declared", 0.5)
    # The number is told from the first person more: (1.959964 + 0.841621) * 0.1 = 0.2801585.
    assert people_needed(OPEN, 15000, relevant_net=0.2801586).reason == "ENOUGH_PERSONS"
    assert people_needed(OPEN, 15000, relevant_net=0.2801584).number == 15001
    sure = Estimate(value=0.4, low=0.2, high=0.6, standard_error=0.1)
    assert people_needed(sure, 15000).reason == "ENOUGH_PERSONS"


@pytest.mark.parametrize(("side", "value"), [("greater", -0.16), ("less", 0.16)])
def test_a_one_sided_test_never_decides_the_other_direction(side, value):
    ends = {"low": value - 0.2, "high": math.inf} if side == "greater" else {"low": -math.inf, "high": value + 0.2}
    wrong = Estimate(value=value, **ends, side=side, standard_error=0.1)
    found = people_needed(wrong, 15000)
    assert (found.number, found.reason) == (None, "OTHER_DIRECTION")
    # A declared size is meant in the direction that is asked.
    declared = people_needed(wrong, 15000, relevant_net=0.2)
    assert declared.number == people_needed(wrong, 15000, relevant_net=-0.2).number
    assert declared.net == math.copysign(0.2, -value)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [({"relevant_net": 0.0}, "finite and not 0"), ({"power": 80}, "power must lie"), ({"n": 0}, "at least 1")],
)
def test_wrong_declarations_are_named(keywords, message):
    with pytest.raises(InputError, match=message):
        people_needed(OPEN, **{"n": 100, **keywords})


# --- wording ----------------------------------------------------------------------------------------


def price(value=40.0, low=39.0, high=55.0, kind="interval", reason=""):
    undecided = RatioSet(value=value, low=low, high=high, kind=kind, level=0.95)
    return IncrementalCost(value=value, undecided=undecided, woken=PASSING, reason=reason)


def sentence(verdict, lang, **keywords):
    return verdict_sentence(verdict, contrast="sms", threshold=85, lang=lang, **keywords)


def test_pass_is_worded_as_fixed():
    verdict = decide(PASSING)
    assert sentence(verdict, "zh", cost=price()) == (
        "在阈值 85 元/唤醒客户下，sms 值得继续：每千人净收益 250 元（95% 区间 90 至 460），"
        "每增量唤醒成本 40 元（区间 39 至 55）。"
    )
    assert sentence(verdict, "en", cost=price()) == (
        "At 85 yuan per woken customer sms pays: net benefit 250 yuan per 1,000 persons (95% interval "
        "90 to 460), cost per incremental wake-up 40 yuan (interval 39 to 55)."
    )


def test_fail_is_worded_as_fixed():
    text = sentence(decide(FAILING), "zh", cost=price(193.0, 160.0, 230.0))
    assert text == (
        "在阈值 85 元/唤醒客户下，sms 不值得继续：每千人净收益 −1,000 元（95% 区间 −1,226 至 −787），"
        "每增量唤醒成本 193 元（区间 160 至 230），建议停止。"
    )
    assert sentence(decide(FAILING), "en", cost=price(193.0, 160.0, 230.0)).endswith("Stopping is advised.")


def test_no_upper_bound_is_said():
    cost = price(high=math.inf)
    assert "（区间 39 起，上不封顶）" in sentence(decide(PASSING), "zh", cost=cost)
    assert "(interval from 39, no upper bound)" in sentence(decide(PASSING), "en", cost=cost)
    two_pieces = price(low=5.0, high=90.0, kind="complement")
    assert "at most 5, or 90 and more, no upper bound" in sentence(decide(PASSING), "en", cost=two_pieces)


def test_harm_is_not_a_price():
    cost = price(value=None, reason="HARM")
    assert price_text(cost, lang="en") == "not defined (harm)"
    assert "每增量唤醒成本无定义（唤醒反而减少）" in sentence(decide(FAILING), "zh", cost=cost)
    assert price_text(price(), lang="zh") == "40"


def test_inconclusive_is_worded_as_fixed():
    declared = people_needed(OPEN, 15000, relevant_net=0.1)
    assert sentence(decide(OPEN), "zh", people=declared) == (
        "现有样本不足以判断（区间跨 0）；要分辨需约 12 万人。不等于无效。"
    )
    assert "if the estimate were the truth" in sentence(decide(OPEN), "en", people=people_needed(OPEN, 15000))
    unreachable = people_needed(OPEN, 15000, relevant_net=1e-6)
    assert "not reachable" in sentence(decide(OPEN), "en", people=unreachable)
    assert "难以达到" in sentence(decide(OPEN), "zh", people=unreachable)
    assert "不等于无效" in sentence(decide(OPEN), "zh")
    assert "20" in sentence(decide(OPEN, few_events=True), "zh")


def test_inconclusive_with_enough_persons_is_worded_as_fixed():
    enough = people_needed(OPEN, 15000, relevant_net=0.5)
    assert sentence(decide(OPEN), "zh", people=enough) == (
        "现有样本不足以判断（区间跨 0）；若真实净收益为每千人 500 元，以现有人数本有至少 80% 的把握分辨，"
        "因此真值可能更接近 0，但这并未得到证实。不等于无效。"
    )
    text = sentence(decide(OPEN), "en", people=enough)
    assert "a net benefit of 500 yuan per 1,000 persons would be told from 0 in at least 80% of such" in text
    assert "does not show it" in text
    sure = people_needed(Estimate(value=0.4, low=-0.1, high=0.6, standard_error=0.1), 15000)
    assert "if the estimate were the truth" in sentence(decide(OPEN), "en", people=sure)
    assert "以现有人数通常本可分辨" in sentence(decide(OPEN), "zh", people=sure)
    other = people_needed(Estimate(value=-0.1, low=-0.3, high=math.inf, side="greater", standard_error=0.1), 15000)
    assert "does not ask about, so no number" in sentence(decide(OPEN), "en", people=other)
    assert "单侧检验不判断的方向" in sentence(decide(OPEN), "zh", people=other)


def test_guardrails_are_worded_as_fixed():
    harm, unknown = decide(PASSING, guardrails=[HARM]), decide(PASSING, guardrails=[UNKNOWN])
    text = sentence(harm, "zh", guardrails=[HARM])
    assert text.startswith("净收益为正，但 closed 显著上升，不建议扩大。")
    assert "单侧 95% 界 0.0001000 与 0.004000" in text
    assert sentence(unknown, "zh", guardrails=[SAFE, UNKNOWN]).startswith(
        "净收益为正，但 closed 是否恶化尚不能排除，暂不扩大。"
    )
    assert sentence(harm, "en", guardrails=[HARM]).startswith(
        "The net benefit is positive, but closed rose significantly"
    )


def test_invalid_and_no_holdout_are_worded_as_fixed():
    assert sentence(decide(PASSING, invalid=["SRM"]), "zh") == "试验不可信（SRM），不给结论。"
    assert sentence(no_holdout(), "zh") == "没有随机对照，无法判断是否由活动带来；以下仅为归因分摊。"


def test_the_two_catalogues_agree_and_avoid_forbidden_words():
    ours = {code for code in messages.catalogue("en") if code.startswith(("VERDICT.", "COST."))}
    assert len(ours) >= 20
    for code in ours:
        en, zh = messages.catalogue("en")[code], messages.catalogue("zh")[code]
        assert messages.placeholders(en) == messages.placeholders(zh), code
        for word in ("proves", "proven", "no effect", "证明有效"):
            assert word not in en + zh, (code, word)


def test_a_verdict_is_frozen():
    verdict = Verdict(word="PASS", net_benefit=PASSING)
    with pytest.raises(AttributeError, match="word"):
        verdict.word = "FAIL"
