"""Reference values of ssrm-test 0.1.5 for the split read daily. Run: python generate_ssrm.py > ssrm.json"""

import json

import numpy as np

setattr(np, "Inf", np.inf)  # noqa: B010 -- the package was written for NumPy 1
from ssrm_test import ssrm_test  # noqa: E402

CASES = (
    ([[100, 900], [95, 930], [80, 960], [70, 1010]], [0.1, 0.9], 10000),
    ([[500, 500], [520, 480], [560, 440], [600, 420]], [0.5, 0.5], 10000),
    ([[20, 17, 9], [18, 21, 8], [4, 6, 4], [18, 19, 11]], [0.4, 0.4, 0.2], 10000),
    ([[20, 17, 9], [18, 21, 8], [4, 6, 4], [18, 19, 11]], [0.4, 0.4, 0.2], 50),
    ([[0, 12], [3, 20], [0, 31]], [0.2, 0.8], 100),
)
rows = []
for data, shares, concentration in CASES:
    array = np.array(data)
    factors = ssrm_test.sequential_bayes_factors(
        array.tolist(), np.array(shares), dirichlet_concentration=concentration
    )
    p = ssrm_test.sequential_p_values(array.tolist(), np.array(shares), dirichlet_concentration=concentration)
    rows.append(
        {"counts": data, "shares": shares, "concentration": concentration, "factors": [float(f) for f in factors],
         "p": [float(one) for one in p]}
    )  # fmt: skip
print(
    json.dumps(
        {"inputs": {"what": "watch_split"}, "expected": rows, "rtol": 1e-8, "atol": 0.0,
         "source": "ssrm-test 0.1.5, sequential_bayes_factors, sequential_p_values, 2026-11-22"},
        indent=1,
    )
)  # fmt: skip
