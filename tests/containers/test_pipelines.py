"""From a commit to tasks: the pipelines, run by a real Groovy, on a real platform with a real registry."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
import time
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psutil
import pytest
from jenkins_runs import PIPELINES, Outcome, run
from load import Load
from running import COMMAND, Meanwhile, Running, eventually
from shop import Shop

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]

USER, PASSWORD = "reader", "not-for-logs-4711"
PACKAGE = "tradewind-test-greeting"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address, with its login, of a package index with one package."""
    wheel = tmp_path_factory.mktemp("index") / f"{PACKAGE.replace('-', '_')}-1.0-py3-none-any.whl"
    info = f"{PACKAGE.replace('-', '_')}-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tradewind_test_greeting.py", "WORD = 'hello'\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    allowed = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != allowed:
                self.answer(401, b"")
            elif self.path == f"/simple/{PACKAGE}/":
                self.answer(200, f'<a href="/files/{wheel.name}">{wheel.name}</a>'.encode())
            elif self.path == f"/files/{wheel.name}":
                self.answer(200, wheel.read_bytes())
            else:
                self.answer(404, b"")

        do_HEAD = do_GET  # noqa: N815

        def answer(self, code: int, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            if code == 401:
                self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *values: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://{USER}:{PASSWORD}@127.0.0.1:{server.server_port}/simple"
    server.shutdown()
    thread.join()
    server.server_close()


class Watcher(Meanwhile):
    """Reads the arguments of every process again and again."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self.word = word
        self.seen: list[str] = []
        self.looked = 0

    def step(self) -> float:
        self.looked += 1
        for process in psutil.process_iter(["cmdline"]):
            line = " ".join(process.info["cmdline"] or ())
            if self.word in line:
                self.seen.append(line)
        return 0.2


def build(platform: Running, name: str, registry: str = "", **more: Any) -> Outcome:
    """Run one build of a pipeline in the folder of the platform."""
    env = {"TRADEWIND": str(COMMAND), "BUILD_TAG": f"jenkins-{name}-1", **more.pop("env", {})}
    params = {"ENVIRONMENT": "local", **({"REGISTRY": registry} if registry else {}), **more.pop("params", {})}
    done = run(PIPELINES / name / "Jenkinsfile", platform.folder, params=params, env=env, **more)
    print(done.log)
    return done


def commit(platform: Running, message: str) -> None:
    git = ("git", "-C", str(platform.folder), "-c", "user.name=test", "-c", "user.email=test@example.org")
    if not (platform.folder / ".git").exists():
        subprocess.run([*git, "init", "--quiet"], check=True)
    (platform.folder / ".gitignore").write_text(".tradewind/\nbuild/\n")
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", message], check=True)


def ran_in(platform: Running, run_id: str, count: int) -> list[list[str]]:
    """The images in which the tasks of a run ran: a list for each task, with one entry per attempt."""
    names = [f"{run_id}.{number}".replace(":", "") for number in range(count)]
    return [(platform.folder / ".tradewind" / "output" / name).read_text().splitlines() for name in names]


def in_flight(platform: Running, load: Load, image: str) -> int:
    """The number of tasks on this image that were running when the last deployment began."""
    last = json.loads(platform.tradewind("release", "history", "-e", "local", "--json").stdout)["history"][-1]
    began = datetime.fromisoformat(last["at"]) - timedelta(seconds=last["seconds"])
    return sum(
        ran_in(platform, run_id, count)[task["map_index"]] == [image]
        and datetime.fromisoformat(task["start_date"]) < began < datetime.fromisoformat(task["end_date"])
        for run_id, count in load.runs
        for task in platform.tasks("load", run_id)
        if task["task_id"] == "work"
    )


def workers(platform: Running) -> set[str]:
    return {row["image"] for row in platform.status()["processes"] if row["service"] == "worker"}


def test_a_commit_reaches_the_tasks_and_can_be_taken_back(
    shop: Shop, platform: Running, registry: str, index: str
) -> None:
    before = platform.tradewind("release", "status", "-e", "local").stdout
    (old,) = workers(platform)
    requirements = platform.folder / "requirements.txt"
    requirements.write_text(f"{PACKAGE}==1.0\n")
    commit(platform, "a package for the workers")

    with Load(platform) as load, Watcher(PASSWORD) as watcher:
        done = build(platform, "worker", registry, env={"PACKAGE_INDEX": "index"}, credentials={"index": index})

    assert done.result == "SUCCESS", done.log
    image = (platform.folder / "build" / "image").read_text().strip()
    assert image.startswith(f"{registry}/")
    assert "@sha256:" in image
    assert image in workers(platform)
    seen = load.images()  # fails if a task failed, was lost, or ran twice
    assert seen >= {old}
    eventually(lambda: workers(platform) == {image})  # the rollout ended before the last old worker had drained
    assert in_flight(platform, load, old), "no task was running while its worker was replaced"
    after = platform.trigger("load", seconds=[1.0] * 4)
    assert eventually(lambda: (s := platform.state("load", after)) in {"success", "failed"} and s) == "success"
    assert ran_in(platform, after, 4) == [[image]] * 4

    kept = platform.folder / "build"
    bill = json.loads((kept / "sbom.spdx.json").read_text())
    assert bill["spdxVersion"] == "SPDX-2.3"
    assert {"apache-airflow", PACKAGE} <= {package["name"] for package in bill["packages"]}
    assert json.loads((kept / "status.json").read_text())["consistent"]
    assert {"build/image.xml", "build/release", "build/sbom.spdx.json"} <= set(done.report["archived"])
    assert watcher.looked > 20
    assert watcher.seen == []
    assert PASSWORD not in done.log
    assert not [path for path in kept.rglob("*") if PASSWORD in path.read_text()]

    platform.tradewind("release", "rollback", "-e", "local")
    requirements.write_text("# nothing yet\n")
    assert platform.tradewind("release", "status", "-e", "local").stdout == before
    eventually(lambda: workers(platform) == {old})


@pytest.mark.parametrize(
    "component",
    ["flower", pytest.param("webserver", marks=pytest.mark.soak), pytest.param("scheduler", marks=pytest.mark.soak)],
)
def test_every_component_has_its_pipeline(shop: Shop, platform: Running, registry: str, component: str) -> None:
    commit(platform, f"something for {component}")

    done = build(platform, component, registry)

    assert done.result == "SUCCESS", done.log
    image = (platform.folder / "build" / "image").read_text().strip()
    running = json.loads(platform.tradewind("release", "status", "-e", "local", "--json").stdout)["running"]
    assert [image] in running.values()


def test_a_commit_to_a_dag_is_tested_and_picked_up(platform: Running) -> None:
    source = platform.folder / "source"
    for path in (platform.folder / "dags").iterdir():
        (source / path.name).parent.mkdir(exist_ok=True)
        (source / path.name).write_bytes(path.read_bytes())
    (source / "fresh.py").write_text(
        'from airflow.sdk import DAG\nwith DAG("fresh", schedule=None, is_paused_upon_creation=False):\n    pass\n'
    )
    where = {"DAGS": "source"}
    commit(platform, "a DAG")

    done = build(platform, "dags", params=where)
    assert done.result == "SUCCESS", done.log
    eventually(lambda: platform.trigger("fresh"))
    before = platform.status()["dag_release"]

    (source / "broken.py").write_text('from airflow.sdk import DAG\n1 / 0\nDAG("broken")\n')
    commit(platform, "a DAG that cannot be imported")
    done = build(platform, "dags", params=where)
    assert done.result == "FAILURE"
    assert "ZeroDivisionError" in done.log
    assert platform.status()["dag_release"] == before


def test_an_image_that_does_not_pass_its_checks_goes_nowhere(shop: Shop, platform: Running, registry: str) -> None:
    before = platform.tradewind("release", "status", "-e", "local").stdout
    requirements = platform.folder / "requirements.txt"
    requirements.write_text("apache-airflow-providers-celery==3.0.0\n")
    commit(platform, "a package that does not fit")
    began = time.time()

    done = build(platform, "worker", registry)
    requirements.write_text("# nothing yet\n")

    assert done.result == "FAILURE"
    assert done.stages["Build"] == "FAILURE"
    assert "Deliver" not in done.stages
    assert platform.tradewind("release", "status", "-e", "local").stdout == before
    history = json.loads(platform.tradewind("release", "history", "-e", "local", "--json").stdout)["history"]
    assert not [entry for entry in history if entry["at"] > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(began))]
