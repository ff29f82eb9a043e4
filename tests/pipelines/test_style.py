"""npm-groovy-lint finds nothing in the pipelines."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import yaml
from jenkins_runs import PIPELINES

LINTER = Path(__file__).parent / "node_modules" / ".bin" / "npm-groovy-lint"


def test_nothing_is_found(tmp_path: Path) -> None:
    assert LINTER.exists(), "run: npm install --prefix tests/pipelines --no-package-lock"
    shutil.copytree(PIPELINES, tmp_path / "pipelines")
    # The jobs are in a YAML file.
    script = yaml.safe_load((PIPELINES / "jenkins" / "jenkins.yaml").read_text())["jobs"][0]["script"]
    (tmp_path / "pipelines" / "jenkins" / "jobs.groovy").write_text(script)
    # A mistake that must be found proves that this test can fail.
    (tmp_path / "pipelines" / "bad.groovy").write_text("String x = 'a';\necho x\n")

    files, rules = "**/*.groovy,**/Jenkinsfile", str(PIPELINES / ".groovylintrc.json")
    command = [str(LINTER), "--path", str(tmp_path / "pipelines"), "--files", files, "--config", rules, "--noserver"]
    said = subprocess.run([*command, "--output", "json"], capture_output=True, text=True, check=False, cwd=tmp_path)

    report = json.loads(said.stdout[said.stdout.index("{") :])
    found = {
        f"{Path(file).relative_to(tmp_path)}: {error['rule']}: {error['msg']}"
        for file, entry in report["files"].items()
        for error in entry["errors"]
    }
    assert {line for line in found if "bad.groovy" not in line} == set()
    assert any("UnnecessarySemicolon" in line for line in found)
