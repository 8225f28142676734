"""Plans drawn at random: whatever they say, a plan or one clear error comes out, and the file stays as it was."""

from __future__ import annotations

import random
import tomllib
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from plan_fuzz import mutated, spoiled

from attribution.core.errors import InputError, PlanError
from experiments.plan import Plan, lock_plan, plan_changes
from experiments.plan.explain import key_meanings
from experiments.plan.lock import canonical, fingerprint, read_lock
from experiments.plan.writing import plan_text

LONGEST = 30_000  # of a message, however many problems it lists


@pytest.fixture(scope="module")
def sound(repo) -> str:
    """The plan of the guide, which shows every section."""
    guide = (repo / "docs" / "guides" / "plan.md").read_text(encoding="utf-8")
    return guide.split("```toml\n", 1)[1].split("```", 1)[0]


def refusal(call) -> tuple[object, str]:
    """What a call gives and what it refuses with; anything but a refusal is raised."""
    try:
        return call(), ""
    except (PlanError, InputError) as error:
        return None, str(error)


def sound_message(said: str) -> bool:
    """Whether a message can be read: neither empty nor endless, nothing that moves a cursor."""
    return 0 < len(said) < LONGEST and not {"\x1b", "\x00", "\u202e"} & set(said)


def told(call) -> str:
    """What the lock tells: "changes", "none" or "refused"."""
    changes, said = refusal(call)
    if said:
        assert sound_message(said), said[:500]
        return "refused"
    return "changes" if changes else "none"


def outcome(call) -> str:
    """What comes out: "plan" or "refused"."""
    plan, said = refusal(call)
    if said:
        assert sound_message(said), said[:500]
        return "refused"
    assert Plan.from_dict(plan.to_dict()).to_dict() == plan.to_dict()
    assert len(fingerprint(canonical(plan))) == 64
    plan.columns()
    plan.attribution.rules()
    plan.attribution.declared_models()
    return "plan"


def structures(sound: str, count: int, seed: int) -> Counter[str]:
    """Mappings changed key by key."""
    rng, plan = random.Random(seed), tomllib.loads(sound)
    return Counter(outcome(partial(Plan.from_dict, mutated(rng, plan))) for _ in range(count))


def files(sound: str, path: Path, count: int, seed: int) -> Counter[str]:
    """Files changed byte by byte."""
    rng, found = random.Random(seed), Counter()
    for _ in range(count):
        content = spoiled(rng, sound.encode())
        path.write_bytes(content)
        found[outcome(partial(Plan.read, path))] += 1
        assert path.read_bytes() == content
    return found


def test_changed_mappings_give_a_plan_or_one_error(sound):
    found = structures(sound, 400, seed=11)
    assert found["refused"] > 200
    assert found["plan"] > 10


def test_changed_files_give_a_plan_or_one_error_and_stay_as_they_are(sound, tmp_path):
    found = files(sound, tmp_path / "plan.toml", 400, seed=12)
    assert found["refused"] > 200
    assert found["plan"] > 10


def test_changed_locks_give_changes_or_one_error(sound, tmp_path):
    from datetime import date

    path, rng = tmp_path / "plan.toml", random.Random(13)
    path.write_text(sound, encoding="utf-8")
    lock = lock_plan(path, locked_on=date(2026, 9, 1)).path
    intact = lock.read_bytes()
    seen = Counter()
    for _ in range(150):
        lock.write_bytes(spoiled(rng, intact))
        seen[told(partial(plan_changes, path))] += 1
    assert seen["refused"] > 50
    assert seen["changes"] > 5


@pytest.mark.statistical
def test_many_changed_plans_give_a_plan_or_one_error(sound, tmp_path):
    found = structures(sound, 20_000, seed=21) + files(sound, tmp_path / "plan.toml", 20_000, seed=22)
    assert found["refused"] + found["plan"] == 40_000
    assert found["plan"] > 500


def test_every_section_misspelled_at_once_is_told_with_its_closest_name(sound):
    plan = tomllib.loads(sound)
    wrong = {}
    for section in key_meanings():
        name = section.heading.strip("[]").partition(".")[0]
        key = next(key.name for key in section.keys if len(key.name) > 3)
        inside = plan[name]
        target = inside[0] if isinstance(inside, list) else inside
        if "." in section.heading:
            target = next(iter(inside.values()))
        target[f"{key}x"] = 1
        wrong[name] = key
    with pytest.raises(PlanError, match="in the plan") as caught:
        Plan.from_dict(plan)
    told = dict(caught.value.problems)
    assert len(told) == len(wrong) == len(key_meanings())
    for place, message in told.items():
        key = wrong[place.partition(".")[0].partition("[")[0]]
        assert place.endswith(f"{key}x")
        assert f"Did you mean '{key}'?" in message


def test_the_sound_plan_survives_being_written(sound, tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(plan_text(tomllib.loads(sound)), encoding="utf-8")
    assert Plan.read(path).to_dict() == Plan.from_dict(tomllib.loads(sound)).to_dict()


def test_a_lock_that_is_nested_without_end_is_refused_in_words(sound, tmp_path, monkeypatch):
    """TOML Kit reads some of these, and no recursion of ours may end in Python's own error."""
    from datetime import date

    from experiments.plan import toml

    path, deep = tmp_path / "plan.toml", {}
    path.write_text(sound, encoding="utf-8")
    lock_plan(path, locked_on=date(2026, 9, 1))
    for _ in range(100_000):
        deep = {"deeper": deep}
    content = {"locked_on": date(2026, 9, 1), "sha256": "0" * 64, "plan": deep}
    monkeypatch.setattr(toml, "read_toml", lambda _: content)
    with pytest.raises(PlanError, match="nested too deep"):
        read_lock(path)
