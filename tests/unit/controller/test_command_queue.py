"""Commands to the controller, and their results for the client: in a folder, and in S3."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tradewind.errors import ExitCode, TradewindError
from tradewind.protocol.command_queue import (
    GONE_S,
    INBOX,
    LEADER,
    LOST_S,
    MOST_ATTEMPTS,
    PATIENCE_S,
    Answer,
    CommandQueue,
)
from tradewind.protocol.controller_requests import DeployDags, DiffDags, ListDags, PruneDags, RollBackDags
from tradewind.storage.records import FolderRecords, Records
from tradewind.storage.s3_records import S3Records


class OneByOne(S3Records):
    """moto compares a version and writes in two steps; S3 does both at once."""

    _writing = threading.Lock()

    def write(self, name: str, document: Mapping[str, Any], version: str | None) -> str:
        with self._writing:
            return super().write(name, document, version)


@pytest.fixture(params=["folder", "s3"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Records]:
    if request.param == "folder":
        yield FolderRecords(tmp_path)
        return
    with mock_aws():
        session = boto3.Session("key", "secret", region_name="us-east-1")
        session.client("s3").create_bucket(Bucket="acme-dev")
        yield OneByOne(session, "acme-dev", "controller/")


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.meanwhile = lambda: None

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inbox(records: Records, clock: Clock) -> CommandQueue:
    return CommandQueue(records, "dev", clock, clock.sleep)


def leads(records: Records, until: float) -> None:
    found = records.read(LEADER)
    records.write(LEADER, {"until": until}, found[1] if found else None)


def test_what_is_asked_is_done_and_told(inbox: CommandQueue, records: Records, clock: Clock) -> None:
    leads(records, clock.now + 1e6)
    story = iter(
        [
            lambda c: inbox.begin(c, first=True),
            lambda c: inbox.say(c, Answer(said=("one",))),
            lambda c: inbox.say(c, Answer(said=("one", "two", "three"))),
            lambda c: inbox.finish(c, Answer("done", ("one", "two", "three", "four"), result={"x": 1})),
        ]
    )
    clock.meanwhile = lambda: next(story)(inbox.waiting()[0])  # type: ignore[assignment]
    said: list[str] = []
    assert inbox.ask(DeployDags("d-1"), said.append) == {"x": 1}
    assert said == ["one", "two", "three", "four"]
    assert inbox.waiting() == []


def test_what_went_wrong_is_told_as_it_was(inbox: CommandQueue, records: Records, clock: Clock) -> None:
    leads(records, clock.now + 1e6)
    error = TradewindError("what", "why", "hint", code=ExitCode.USAGE)

    def fail() -> None:
        (command,) = inbox.waiting()
        inbox.begin(command, first=True)
        inbox.finish(command, Answer("failed", error=error.as_dict()))

    clock.meanwhile = fail
    with pytest.raises(TradewindError) as caught:
        inbox.ask(PruneDags(3))
    assert caught.value.as_dict() == error.as_dict()


def test_of_two_changes_one_wins_and_the_other_is_told(inbox: CommandQueue, clock: Clock) -> None:
    first = inbox.send(DeployDags("d-1"))
    with pytest.raises(TradewindError, match="another change of dev is under way") as caught:
        inbox.send(DeployDags("d-2"))
    assert f"dags.deploy by {first.by} since {first.at}" in caught.value.why
    with pytest.raises(TradewindError, match="another change"):
        inbox.send(PruneDags(3))
    # A client joins the same change, and a command that only reads blocks no other.
    assert inbox.send(DeployDags("d-1")) == first
    inbox.send(ListDags())
    assert [command.do for command in inbox.waiting()] == ["dags.deploy", "dags.list"]
    inbox.finish(first, Answer("done"))
    inbox.send(DeployDags("d-2"))


def test_many_at_once_lose_nothing(records: Records) -> None:
    failed: list[BaseException] = []

    def ask(number: int) -> None:
        try:
            CommandQueue(records, "dev").send(DiffDags(str(number)))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    waiting = CommandQueue(records, "dev").waiting()
    assert sorted(command.arguments["one"] for command in waiting) == list("01234567")


def test_where_nobody_answers_nothing_is_left_to_be_done_later(inbox: CommandQueue, clock: Clock) -> None:
    with pytest.raises(TradewindError, match="the controller of dev does not answer: nothing was changed"):
        inbox.ask(DeployDags("d-1"))
    assert inbox.waiting() == []


def test_between_two_leaders_there_is_none_for_some_seconds(
    inbox: CommandQueue, records: Records, clock: Clock
) -> None:
    began = clock.now

    def later() -> None:
        (command,) = inbox.waiting()
        if inbox.answer(command) is None:
            inbox.begin(command, first=True)
        elif clock.now - began > 60:
            inbox.finish(command, Answer("done"))

    clock.meanwhile = later
    assert inbox.ask(DeployDags("d-1")) == {}


def test_a_question_is_not_worth_waiting_for_a_controller_that_is_not_there(
    inbox: CommandQueue, records: Records, clock: Clock
) -> None:
    for ago_s, waited in ((None, LOST_S), (GONE_S + 1, LOST_S), (1, PATIENCE_S)):
        began = clock.now
        if ago_s is not None:
            leads(records, clock.now - ago_s)
        with pytest.raises(TradewindError, match="the controller of dev does not answer"):
            inbox.ask(ListDags())
        assert waited < clock.now - began < waited + 2
    assert inbox.waiting() == []


def test_what_ends_every_controller_is_given_up(inbox: CommandQueue) -> None:
    command = inbox.send(DeployDags("d-1"))
    for number in range(1, MOST_ATTEMPTS + 1):
        taken = inbox.begin(command, first=True)
        assert taken
        assert taken.attempts == number
        assert inbox.begin(command, first=False) == taken  # the controller reads the queue again
    assert inbox.begin(command, first=True) is None
    assert inbox.waiting() == []
    with pytest.raises(TradewindError, match=rf"given up: {MOST_ATTEMPTS} controllers ended in the middle of it"):
        inbox.follow(command, lambda _: None)


def test_what_was_asked_for_long_ago_is_not_done(inbox: CommandQueue, clock: Clock) -> None:
    command = inbox.send(DeployDags("d-1"))
    clock.now += 3600
    assert inbox.begin(command, first=True) is None
    assert inbox.waiting() == []
    with pytest.raises(TradewindError, match=r"dags\.deploy came too late"):
        inbox.follow(command, lambda _: None)


def test_who_joined_what_another_one_withdraws_is_told(inbox: CommandQueue) -> None:
    command = inbox.send(DeployDags("d-1"))
    joined = inbox.send(DeployDags("d-1"))
    inbox.withdraw(command)
    with pytest.raises(TradewindError, match=r"dags\.deploy was withdrawn"):
        inbox.follow(joined, lambda _: None)


def test_a_rollback_may_come_while_a_deployment_goes_on(inbox: CommandQueue) -> None:
    inbox.send(DeployDags("d-1"))
    back = inbox.send(RollBackDags())
    assert [command.do for command in inbox.waiting()] == ["dags.deploy", "dags.rollback"]
    with pytest.raises(TradewindError, match="another change"):
        inbox.send(DeployDags("d-2"))
    assert inbox.send(RollBackDags()) == back


def test_the_same_of_another_version_is_joined(inbox: CommandQueue, records: Records) -> None:
    command = inbox.send(RollBackDags("d-1"))
    for arguments in ({"to": "d-1"}, {"to": "d-1", "only": None, "wait": True, "softly": False}):
        found = records.read(INBOX)
        assert found
        (waiting,) = found[0]["commands"]
        records.write(INBOX, {"commands": [{**waiting, "arguments": arguments}]}, found[1])
        assert inbox.send(RollBackDags("d-1")).id == command.id
        with pytest.raises(TradewindError, match="another change"):
            inbox.send(RollBackDags("d-2"))


def test_what_a_newer_command_line_says_more_is_no_hindrance(inbox: CommandQueue, records: Records) -> None:
    command = inbox.send(ListDags())
    found = records.read(INBOX)
    assert found
    records.write(INBOX, {"commands": [{**found[0]["commands"][0], "urgent": True}]}, found[1])
    assert inbox.waiting() == [command]


def test_a_controller_that_ends_in_the_middle(inbox: CommandQueue, records: Records, clock: Clock) -> None:
    leads(records, clock.now + 60)
    clock.meanwhile = lambda: [inbox.begin(c, first=True) for c in inbox.waiting() if inbox.answer(c) is None]  # type: ignore[assignment]
    with pytest.raises(TradewindError, match="does not answer: it ended in the middle"):
        inbox.ask(DeployDags("d-1"))
    assert [command.do for command in inbox.waiting()] == ["dags.deploy"]  # for the next controller


def test_what_is_withdrawn_in_the_moment_it_is_taken_is_not_done(inbox: CommandQueue, records: Records) -> None:
    command = inbox.send(DeployDags("d-1"))
    assert inbox.withdraw(command)
    assert inbox.begin(command, first=True) is None  # the controller had read it a moment before
    found = inbox.answer(command)
    assert found
    assert (found.state, found.error["what"]) == ("failed", "it was withdrawn")
    other = inbox.send(DeployDags("d-2"))
    assert inbox.begin(other, first=True)
    assert not inbox.withdraw(other)
    document = records.read(INBOX)
    assert document


def test_ctrl_c_leaves_it_to_the_controller_or_takes_it_back(
    inbox: CommandQueue, records: Records, clock: Clock
) -> None:
    leads(records, clock.now + 1e6)

    def interrupt() -> None:
        raise KeyboardInterrupt

    clock.meanwhile = interrupt
    with pytest.raises(KeyboardInterrupt):
        inbox.ask(DeployDags("d-1"))
    assert inbox.waiting() == []

    def checkpoint() -> None:
        inbox.begin(inbox.waiting()[0], first=True)
        raise KeyboardInterrupt

    clock.meanwhile = checkpoint
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        inbox.ask(DeployDags("d-1"), said.append)
    assert "continues" in said[0]


def test_a_long_story_keeps_its_end(inbox: CommandQueue) -> None:
    command = inbox.send(DeployDags("d-1"))
    inbox.say(command, Answer(said=tuple(f"{n} left" for n in range(1000))))
    found = inbox.answer(command)
    assert found
    assert (found.dropped, found.said[-1], len(found.said)) == (800, "999 left", 200)


def test_old_answers_are_forgotten_and_what_is_asked_is_not(inbox: CommandQueue, clock: Clock) -> None:
    old, waits = inbox.send(DeployDags("d-1")), inbox.send(ListDags())
    inbox.finish(old, Answer("done"))
    inbox.begin(waits, first=True)
    clock.now += 100
    new = inbox.send(PruneDags(1))
    inbox.finish(new, Answer("done"))
    inbox.sweep(older_than_s=50)
    assert [inbox.answer(command) is not None for command in (old, waits, new)] == [False, True, True]
