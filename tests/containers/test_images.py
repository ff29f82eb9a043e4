"""The images as they are shipped: their content, their size, and that builds are reproducible."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from running import eventually
from shop import Shop, call
from tests.counts import SOAK

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]

COMPONENTS = ("webserver", "scheduler", "worker", "flower")
LIMITS_MB = {"worker": 140, "flower": 60}
"""The limit of the download before a container starts (docs/decisions/0016-images-from-one-dockerfile.md)."""


def inside(image: str, command: str) -> str:
    """The output of a shell command in a container with the same restrictions as on ECS."""
    locked = ("--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges", "--network", "none")
    return call("podman", "run", "--rm", "--pull", "never", *locked, image, "sh", "-c", command)


def test_nothing_changed_means_nothing_is_built(shop: Shop) -> None:
    said = shop.running.tradewind("images", "build").stderr

    assert [line for line in said.splitlines() if "CNI" not in line] == [f"{c}: nothing changed" for c in COMPONENTS]


def test_their_sizes_and_digests(shop: Shop, registry: str) -> None:
    pushed = json.loads(shop.running.tradewind("images", "push", "--registry", registry, "--json").stdout)["images"]
    again = json.loads(shop.running.tradewind("images", "push", "--registry", registry, "--json").stdout)["images"]

    assert pushed == again
    for component, reference in pushed.items():
        raw = call("skopeo", "inspect", "--tls-verify=false", "--raw", f"docker://{reference}")
        layers = json.loads(raw)["layers"]
        size_mb = sum(layer["size"] for layer in layers) / 1e6
        print(f"{component}: {size_mb:.1f} MB compressed in {len(layers)} layers")
        assert all(layer["mediaType"].endswith("tar+zstd") for layer in layers)
        assert size_mb <= LIMITS_MB.get(component, 140)


@pytest.mark.parametrize("component", COMPONENTS)
def test_what_is_not_in_them(shop: Shop, component: str) -> None:
    image = shop.images()[component]

    tools = "apt apt-get dpkg pip pip3 uv gcc cc ld make perl curl wget"
    assert inside(image, f"for tool in {tools}; do command -v $tool; done; id -u; true") == "50000"
    assert inside(image, "find / -xdev -perm /6000 -type f 2>/dev/null | wc -l") == "0"
    assert inside(image, "ls /run/secrets /build 2>/dev/null | wc -l") == "0"
    assert inside(image, "touch /opt/airflow/x 2>/dev/null && echo written || echo refused") == "refused"
    history = call("podman", "history", "--no-trunc", "--format", "{{.CreatedBy}}", image)
    assert "INDEX" not in history


@pytest.mark.parametrize("component", COMPONENTS)
def test_what_health_checks_need_is_in_them(shop: Shop, component: str) -> None:
    image = shop.images()[component]

    assert inside(image, "python -I -S -c 'import urllib.request; print(1)'") == "1"
    assert inside(image, "touch /tmp/heartbeat; find /tmp/heartbeat -newermt '-60 seconds'") == "/tmp/heartbeat"


def test_flower_has_no_airflow(shop: Shop) -> None:
    flower = shop.images()["flower"]

    assert inside(flower, "python -c 'import airflow' 2>&1 | tail -1").startswith("ModuleNotFoundError")
    assert inside(flower, "python -c 'import flower; print(flower.__version__)'").startswith("2.")


def test_airflow_runs_without_writing_to_its_image(shop: Shop) -> None:
    worker = shop.images()["worker"]

    assert inside(worker, "python -c 'import tradewind.runtime.tasks.worker, pymysql, boto3; print(1)'") == "1"
    assert inside(worker, "test ! -e /opt/airflow/venv/bin/tradewind && echo without") == "without"
    assert inside(worker, "grep -c BEGIN /opt/airflow/rds-ca.pem") == "81"


def test_the_controller_runs_from_the_schedulers_image(shop: Shop) -> None:
    said = inside(shop.images()["scheduler"], "python -m tradewind.runtime.controller 2>&1 | tail -1")
    assert said == "KeyError: 'TRADEWIND_CONTROLLER_CONFIG'"  # all its imports work


def test_who_runs_in_it_has_a_name_also_where_the_runtime_adds_none(shop: Shop) -> None:
    """Airflow reads the name of the user. Fargate, unlike podman, adds no entry to /etc/passwd."""
    run = [
        "podman",
        "run",
        "--rm",
        "--pull",
        "never",
        "--network",
        "none",
        "--passwd=false",
        shop.images()["scheduler"],
    ]
    command = [*run, "python", "-c", "import getpass; print(getpass.getuser())"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "airflow\n"


def test_signals_reach_the_first_process_only(shop: Shop) -> None:
    """Celery's pool must not get the worker's signal: a task would be lost."""
    script = "trap 'echo parent; wait; exit' TERM; sh -c 'trap \"echo child\" TERM; sleep 3' & echo ready; wait"
    # Not through a signal to podman, which may print "ready" before it forwards signals.
    run = ["podman", "run", "--detach", "--pull", "never", "--network", "none", "--log-driver", "k8s-file"]
    container = call(*run, shop.images()["flower"], "sh", "-c", script)

    def printed() -> str:
        return subprocess.run(["podman", "logs", container], stdout=subprocess.PIPE, text=True, check=True).stdout

    try:
        eventually(lambda: printed() == "ready\n")
        call("podman", "kill", "--signal", "TERM", container)
        call("podman", "wait", container)
        assert printed() == "ready\nparent\n"
    finally:
        call("podman", "rm", "--force", container)


def test_the_same_sources_give_the_same_image(shop: Shop) -> None:
    """Builds Flower's image, the fastest one; `make soak` builds all images."""
    before = shop.images()
    chosen = COMPONENTS if os.environ.get(SOAK) else ("flower",)

    shop.running.tradewind("images", "build", "--fresh", *chosen)

    assert shop.images() == before


def test_what_does_not_fit_airflow_is_refused_at_build(shop: Shop) -> None:
    requirements = shop.running.folder / "requirements.txt"
    kept = requirements.read_text()
    requirements.write_text("apache-airflow-providers-celery==3.0.0\n")
    try:
        said = shop.running.tradewind("images", "build", "worker", check=False)
    finally:
        requirements.write_text(kept)

    assert said.returncode == 1
    assert "error: the image worker cannot be built" in said.stderr
    assert "conflicts with Airflow's pinned versions" in said.stderr
