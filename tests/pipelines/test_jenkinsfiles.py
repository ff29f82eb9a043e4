"""The pipelines: their calls, in order, and that a broken pipeline is found before Jenkins reads it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from jenkins_runs import LIBRARY, PIPELINES, REFUSED, Outcome, run

COMPONENTS = ("webserver", "scheduler", "worker", "flower")
PLANNED = ["plan -e dev --json", "audit -e dev --report build/audit.txt"]

# A fake `tradewind`: it records its calls, and fails as the test says.
RECORDER = """#!/bin/sh
echo "$*" >> calls
case "$*" in
*"${FAILS:-nothing fails}"*) echo "error: told to fail" >&2; exit 1 ;;
environments*) [ "$4" = main ] && echo dev ; exit 0 ;;
"images push"*) echo registry/worker@sha256:0 ;;
"release create"*) echo r-0 ;;

"dags build"*) echo d-0 ;;
audit*) echo found > "$5"; echo 4711 ;;
esac

while [ $# -gt 0 ]; do
    if [ "$1" = --junit ]; then
        echo "<testsuites><testsuite tests='3' failures='${BAD_TESTS:-0}'/></testsuites>" > "$2"
    fi
    shift
done
"""


@dataclass
class Job:
    """A copy of the pipelines that a test may change, and a workspace for builds."""

    folder: Path

    def __post_init__(self) -> None:
        shutil.copytree(PIPELINES, self.folder / "pipelines")
        self.workspace.mkdir()
        self.recorder.write_text(RECORDER)
        self.recorder.chmod(0o700)

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def recorder(self) -> Path:
        return self.folder / "tradewind"

    def change(self, file: str, old: str, new: str) -> None:
        path = self.folder / "pipelines" / file
        text = path.read_text()
        assert old in text, f"{file} has no {old!r} to break"
        path.write_text(text.replace(old, new, 1))

    def build(self, name: str, *, params: dict[str, str] | None = None, **more: dict[str, str]) -> Outcome:
        env = {"TRADEWIND": str(self.recorder), "PATH": "/usr/bin:/bin", **more.pop("env", {})}
        return run(
            self.folder / "pipelines" / name / "Jenkinsfile",
            self.workspace,
            library=self.folder / "pipelines" / "library",
            params=params,
            env=env,
            **more,
        )

    def calls(self) -> list[str]:
        file = self.workspace / "calls"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_commit_to_a_component_is_built_and_delivered(job: Job, component: str) -> None:
    done = job.build(component)

    assert (done.code, done.result) == (0, "SUCCESS"), done.log
    assert job.calls() == [
        "environments --names --branch main",
        "config check",
        f"images build {component}",
        f"images check {component} --junit build/image.xml",
        f"images sbom {component}",
        f"images push {component}",
        "images scan registry/worker@sha256:0 --json",
        f"release create -e dev --note jenkins-job-1 --image {component}=registry/worker@sha256:0",
        "release deploy -e dev r-0 --reason jenkins-job-1",
        "release status -e dev --json",
    ]
    assert set(done.stages.values()) == {"SUCCESS"}
    assert done.report["locks"] == ["tradewind-dev"]
    assert done.report["reports"] == [{"tests": 3, "failures": 0}]
    assert {"build/image", "build/release", "build/sbom.spdx.json", "build/status.json"} <= set(done.report["archived"])


def test_another_registry_is_pushed_to(job: Job) -> None:
    done = job.build("worker", params={"REGISTRY": "127.0.0.1:5000"})

    assert done.stages["Scan"] == "SKIPPED"
    assert "images push worker --registry 127.0.0.1:5000" in job.calls()


@pytest.mark.parametrize(
    "env", [{"BRANCH_NAME": "PR-7", "CHANGE_ID": "7", "CHANGE_TARGET": "main"}, {"BRANCH_NAME": "x"}]
)
def test_pull_requests_and_other_branches_are_built_and_not_delivered(job: Job, env: dict[str, str]) -> None:
    done = job.build("worker", env=env)

    assert done.result == "SUCCESS"
    assert done.stages["Deliver"] == "SKIPPED"
    assert job.calls()[-1].startswith("images sbom")


def test_the_name_of_a_branch_is_no_command(job: Job) -> None:
    done = job.build("worker", env={"BRANCH_NAME": '$(touch owned)"; touch owned; #'})

    assert done.result == "SUCCESS"
    assert not (job.workspace / "owned").exists()


def test_a_parameter_is_no_command(job: Job) -> None:
    job.build("worker", params={"ENVIRONMENT": 'dev"; touch owned; "', "REGISTRY": "$(touch owned)"})
    job.build("dags", params={"ENVIRONMENT": "$(touch owned)", "DAGS": '"; touch owned; "', "STORE": "`touch owned`"})
    job.build("infrastructure", params={"ENVIRONMENT": '"; touch owned; "'})

    assert not (job.workspace / "owned").exists()


def test_a_deployment_that_fails_is_finished(job: Job) -> None:
    done = job.build("worker", env={"FAILS": "release deploy"})

    assert done.result == "FAILURE"
    assert job.calls()[-2:] == ["release deploy -e dev r-0 --reason jenkins-job-1", "release resume -e dev"]
    assert "Confirm" not in done.stages


def test_infrastructure_is_planned_and_applied_behind_a_question(job: Job) -> None:
    done = job.build("infrastructure", inputs={"Apply the plan.*": "Apply"})

    assert done.result == "SUCCESS", done.log
    assert job.calls()[1:] == ["config check", *PLANNED, "apply -e dev --audited 4711", "drift -e dev"]
    # The plan is archived before the pipeline asks for approval.
    order = done.report["steps"]
    assert order.index("archiveArtifacts") < order.index("input")
    assert {"build/plan.json", "build/audit.txt", "build/plan"} <= set(done.report["archived"])


def test_a_plan_that_does_not_pass_the_audit_is_not_asked_about(job: Job) -> None:
    done = job.build("infrastructure", env={"FAILS": "audit"}, inputs={"Apply the plan.*": "Apply"})

    assert done.result == "FAILURE"
    assert job.calls()[1:] == ["config check", *PLANNED]
    assert "build/plan.json" in done.report["archived"]


def test_a_plan_that_is_refused_is_not_applied(job: Job) -> None:
    done = job.build("infrastructure", inputs={"Apply the plan.*": "Abort"})

    assert done.result == "ABORTED"
    assert job.calls()[-1] == PLANNED[-1]


def test_a_pull_request_is_planned_where_it_would_go(job: Job) -> None:
    done = job.build("infrastructure", env={"BRANCH_NAME": "PR-7", "CHANGE_ID": "7", "CHANGE_TARGET": "main"})

    assert done.result == "SUCCESS"
    assert job.calls()[1:] == ["config check", *PLANNED]
    assert done.stages["Apply"] == "SKIPPED"


def test_dags_are_tested_and_deployed(job: Job) -> None:
    done = job.build("dags", params={"STORE": "s3://acme/dags"})

    assert done.result == "SUCCESS", done.log
    assert job.calls()[1:] == [
        "dags test dags --env dev --junit build/dags.xml",
        "dags build dags --output build/dags --store s3://acme/dags",
        "dags deploy -e dev --release d-0 --store s3://acme/dags",
    ]
    assert done.report["reports"] == [{"tests": 3, "failures": 0}]
    assert {"build/dags.xml", "build/release"} <= set(done.report["archived"])


def test_dags_of_a_branch_that_is_deployed_nowhere_are_tested_by_the_rules_alone(job: Job) -> None:
    done = job.build("dags", env={"BRANCH_NAME": "x"})

    assert done.result == "SUCCESS"
    assert "dags test dags --junit build/dags.xml" in job.calls()


def test_dags_that_do_not_pass_the_gate_go_nowhere(job: Job) -> None:
    done = job.build("dags", env={"FAILS": "dags test"})

    assert done.result == "FAILURE"
    assert job.calls()[-1].startswith("dags test")


def test_a_pull_request_of_dags_is_built_and_goes_nowhere(job: Job) -> None:
    done = job.build("dags", env={"BRANCH_NAME": "PR-7", "CHANGE_ID": "7", "CHANGE_TARGET": "main"})

    assert done.result == "SUCCESS"
    assert job.calls()[-1].startswith("dags build")
    assert done.stages["Deploy"] == "SKIPPED"


def test_a_private_index_is_in_no_log(job: Job) -> None:
    job.recorder.write_text('#!/bin/sh\necho "the index is $UV_DEFAULT_INDEX"\n[ -n "$UV_DEFAULT_INDEX" ]\n')
    done = job.build(
        "worker",
        env={"PACKAGE_INDEX": "index", "BRANCH_NAME": "x"},
        params={"ENVIRONMENT": ""},
        credentials={"index": "https://me:s3cret@packages.example.org/simple"},
    )

    assert "the index is ****" in done.log
    assert "s3cret" not in done.log


COMPONENT = "library/vars/component.groovy"
INFRASTRUCTURE = "infrastructure/Jenkinsfile"
REFUSALS = {
    "a brace is missing": (INFRASTRUCTURE, "    post {", "    post", "unexpected token"),
    "an unknown section": (COMPONENT, "        stages {", "        stagez {", 'Unknown section "stagez"'),
    "an unknown condition of post": (INFRASTRUCTURE, "always {", "allways {", 'Invalid condition "allways"'),
    "no agent": (COMPONENT, "agent { label 'tradewind' }", "", 'Missing required section "agent"'),
    "two stages of one name": (COMPONENT, "stage('Lint')", "stage('Build')", 'Duplicate stage name: "Build"'),
    "Groovy among steps": (COMPONENT, "prepare()", "def x = 1\nprepare()", "Expected a step in steps"),
    "syntax of Groovy 3": (
        "library/vars/prepare.groovy",
        "void call() {",
        "void call() {\nMap a = [:]; a.each((x) -> x)",
        "unexpected token: ->",
    ),
    "a misspelt step": (COMPONENT, "archiveArtifacts", "archiveArtefacts", "No such DSL method 'archiveArtefacts'"),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_broken_pipeline_is_refused_before_anything_runs(job: Job, kind: str) -> None:
    file, old, new, said = REFUSALS[kind]
    job.change(file, old, new)

    done = job.build("infrastructure" if file == INFRASTRUCTURE else "worker")

    assert done.code == REFUSED
    assert said in done.log
    assert job.calls() == []


def test_a_command_that_fails_ends_the_build(job: Job) -> None:
    done = job.build("worker", env={"FAILS": "images build"})

    assert (done.code, done.result) == (1, "FAILURE")
    assert done.stages == {"Prepare": "SUCCESS", "Lint": "SUCCESS", "Build": "FAILURE"}
    assert "script returned exit code 1" in done.log


def test_failed_tests_deliver_nothing(job: Job) -> None:
    done = job.build("worker", env={"BAD_TESTS": "1"})

    assert (done.code, done.result) == (2, "UNSTABLE")
    assert (done.stages["Test"], done.stages["Deliver"]) == ("UNSTABLE", "SKIPPED")


def test_artifacts_that_are_not_there_fail_the_build(job: Job) -> None:
    job.change(COMPONENT, "'build/**', allowEmptyArchive: true", "'nothing/**'")

    done = job.build("worker")

    assert done.result == "FAILURE"
    assert 'No artifacts found that match the file pattern "nothing/**"' in done.log


def test_an_unknown_credential_fails_the_build(job: Job) -> None:
    done = job.build("worker", env={"PACKAGE_INDEX": "nobody-knows"})

    assert done.result == "FAILURE"
    assert "Could not find credentials entry with ID 'nobody-knows'" in done.log


def test_a_time_limit_ends_what_runs(job: Job) -> None:
    job.change(COMPONENT, "timeout(time: 4, unit: 'HOURS')", "timeout(time: 1, unit: 'SECONDS')")
    job.recorder.write_text("#!/bin/sh\nexec sleep 600\n")

    done = job.build("worker", params={"ENVIRONMENT": "dev"})

    assert done.result == "ABORTED"
    assert "Timeout has been exceeded" in done.log


def test_every_pipeline_has_its_folder() -> None:
    found = {path.parent.name for path in PIPELINES.glob("*/Jenkinsfile")}
    assert found == {*COMPONENTS, "infrastructure", "dags"}
    assert LIBRARY.is_dir()
