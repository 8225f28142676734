"""Uplift and Qini curves of scikit-uplift on the same scores, ties included; run in an environment that has it."""

import json
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sklift.metrics import qini_curve, uplift_curve


def made(name: str, n: int, levels: int | None, seed: int) -> dict[str, list[float]]:
    chance = np.random.default_rng(seed)
    score = chance.random(n) if levels is None else chance.integers(0, levels, n).astype(float)
    treated = (chance.random(n) < (0.5 if name != "holdout" else 0.8)).astype(int)
    rate = 0.05 + 0.2 * treated * score / score.max()
    event = (chance.random(n) < rate).astype(int)
    return {"score": score.tolist(), "treated": treated.tolist(), "event": event.tolist()}


inputs = {
    "distinct": made("distinct", 400, None, 1),
    "ties": made("ties", 500, 7, 2),
    "holdout": made("holdout", 600, 12, 3),
}
expected = {}
for name, case in inputs.items():
    y, s, w = (np.array(case[key]) for key in ("event", "score", "treated"))
    up_x, up_y = uplift_curve(y, s, w)
    qi_x, qi_y = qini_curve(y, s, w)
    expected[name] = {
        "uplift_at": up_x.tolist(), "uplift": up_y.tolist(), "qini_at": qi_x.tolist(), "qini": qi_y.tolist()
    }  # fmt: skip
text = json.dumps(
    {
        "inputs": inputs,
        "expected": expected,
        "rtol": 1e-9,
        "atol": 1e-9,
        "source": f"scikit-uplift {version('scikit-uplift')}, uplift_curve and qini_curve, {date.today()}",
    }
)
Path(__file__).with_name("curves.json").write_text(text + "\n", encoding="utf-8")
