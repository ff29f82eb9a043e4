"""A fresh Jenkins gets all its jobs from one file, which contains no secret."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jenkins_runs import PIPELINES, groovy

FILE = PIPELINES / "jenkins" / "jenkins.yaml"


def substituted(text: str, variables: dict[str, str]) -> str:
    """Replace ${NAME} and ${NAME:-default} in every text of the file, as the plugin does."""

    def value(found: re.Match[str]) -> str:
        name, default = found[1], found[2]
        return variables[name] if default is None else variables.get(name, default)

    return re.sub(r"\$\{([A-Za-z_]+)(?::-([^}]*))?\}", value, text)


def jobs(tmp_path: Path, variables: dict[str, str]) -> dict[str, Any]:
    script = substituted(yaml.safe_load(FILE.read_text())["jobs"][0]["script"], variables)
    (tmp_path / "jobs.groovy").write_text(script)
    command = [*groovy(), "Jobs", str(tmp_path / "jobs.groovy"), str(tmp_path / "jobs.json")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads((tmp_path / "jobs.json").read_text())
    return found


def test_there_is_a_job_for_every_pipeline(tmp_path: Path) -> None:
    made = jobs(tmp_path, {"TRADEWIND_REPOSITORY": "https://git.example.org/airflow.git"})

    paths = {name: job["factory"]["workflowBranchProjectFactory"]["scriptPath"] for name, job in made.items()}
    assert paths == {
        path.parent.name: f"pipelines/{path.parent.name}/Jenkinsfile" for path in PIPELINES.glob("*/Jenkinsfile")
    }
    source = made["worker"]["branchSources"]["git"]
    assert source == {"id": "tradewind-worker", "remote": "https://git.example.org/airflow.git", "credentialsId": ""}


def test_pull_requests_of_strangers_are_not_built(tmp_path: Path) -> None:
    variables = {"TRADEWIND_REPOSITORY": "x", "TRADEWIND_GITHUB": "acme/airflow", "TRADEWIND_CREDENTIALS": "reads"}

    source = jobs(tmp_path, variables)["worker"]["branchSources"]["github"]

    assert (source["repoOwner"], source["repository"], source["scanCredentialsId"]) == ("acme", "airflow", "reads")
    assert source["buildOriginPRMerge"]
    assert not source["buildForkPRMerge"]
    assert not source["buildForkPRHead"]


def test_the_library_is_the_one_that_the_pipelines_name() -> None:
    (library,) = yaml.safe_load(FILE.read_text())["unclassified"]["globalLibraries"]["libraries"]

    assert (PIPELINES.parent / library["retriever"]["modernSCM"]["libraryPath"] / "vars").is_dir()
    for path in PIPELINES.glob("*/Jenkinsfile"):
        assert path.read_text().startswith(f"@Library('{library['name']}') _\n")


@pytest.mark.parametrize("word", ["password", "secret", "token", "privatekey"])
def test_no_secret_stands_in_it(word: str) -> None:
    settings = [line for line in FILE.read_text().lower().splitlines() if not line.strip().startswith("#")]
    assert not [line for line in settings if word in line.replace("_", "").replace("-", "")]
