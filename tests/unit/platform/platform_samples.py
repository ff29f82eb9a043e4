"""The environments of the two examples, and environments of any size."""

from pathlib import Path

from hypothesis import strategies as st

from tradewind.config import Environment, Scheduler, WorkerClass, load

ROOT = Path(__file__).parents[3]
SMALL = load(ROOT / "tradewind.yaml")
LARGE = load(ROOT / "examples" / "large" / "tradewind.yaml")
ENVIRONMENTS = [
    *((f"small-{name}", environment) for name, environment in SMALL.environments.items()),
    *((f"large-{name}", environment) for name, environment in LARGE.environments.items()),
]
IDS = [name for name, _ in ENVIRONMENTS]
ALL = [environment for _, environment in ENVIRONMENTS]

worker_classes = st.builds(
    WorkerClass, slots=st.integers(1, 64), max=st.integers(1, 1000), longest_task_hours=st.integers(1, 720)
)
environments = st.builds(
    Environment,
    name=st.just("any"),
    account=st.just("main"),
    outage_tolerance_s=st.integers(30, 900),
    scheduler=st.builds(Scheduler, count=st.integers(1, 50)),
    workers=st.dictionaries(st.sampled_from(["default", "heavy", "light"]), worker_classes, min_size=1),
)
