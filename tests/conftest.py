"""How long the random tests look: a hundred cases by default, thousands with KUBEREACH_CASES=10000.

Continuous integration draws the same cases every time, so that what fails there is what a change did.
"""

import os

from hypothesis import HealthCheck, settings

# Timing says nothing on a shared machine, and a cluster is a large value to draw.
settings.register_profile(
    "kubereach",
    max_examples=int(os.environ.get("KUBEREACH_CASES", "100")),
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("kubereach")
