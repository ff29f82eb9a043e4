"""Parts that a DAG file cannot define: a trigger, a mail backend, and a listener."""

import json
import os
from pathlib import Path

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin
from airflow.triggers.base import BaseTrigger, TaskFailedEvent


class Fails(BaseTrigger):
    """Fails its task from the triggerer."""

    def serialize(self):
        return ("noting.Fails", {})

    async def run(self):
        yield TaskFailedEvent()


def send_mail(to, subject, html_content, **_):
    """See [email] email_backend. The DAG file has set CALLED_NOTES to its notes."""
    notes = Path(os.environ["CALLED_NOTES"])
    dag, _ = json.loads(notes.read_text().splitlines()[0])
    with notes.open("a") as more:
        more.write(json.dumps([dag, "mail"]) + "\n")


class Listener:
    @hookimpl
    def on_dag_run_success(self, dag_run, msg):
        self.note(f"success of {dag_run.dag_id}")

    @hookimpl
    def on_dag_run_failed(self, dag_run, msg):
        self.note(f"failure of {dag_run.dag_id}")

    def note(self, what):
        folder = Path(os.environ["TRADEWIND_OUTPUT"]) / "listened"
        folder.mkdir(exist_ok=True)
        with (folder / str(os.getpid())).open("a") as notes:
            notes.write(what + "\n")


class Noting(AirflowPlugin):
    name = "noting"
    listeners = [Listener()]  # noqa: RUF012
