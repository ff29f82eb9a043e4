"""The state machine stops and scales: event histories, replayed with a manual clock."""

import pytest
from machine_samples import HEALTHY, STARTED, Replay, platform, process, started

from tradewind.local.state_machine import (
    BACK_OFF_MAX_S,
    PATIENCE_S,
    describe_exit,
)

# Stopping


def test_everything_stops_in_waves_dependents_first() -> None:
    replay = started()

    assert replay.stop() == ["SIGTERM worker-1", "SIGTERM worker-2"]
    assert replay.exit("worker-1") == []
    assert replay.exit("worker-2") == ["SIGTERM broker", "SIGTERM web"]
    assert replay.exit("web") == ["SIGINT database"]
    assert not replay.machine.all_stopped
    replay.exit("broker")
    replay.exit("database")
    assert replay.machine.all_stopped
    assert set(replay.states.values()) == {"stopped"}
    assert replay.due_in is None


def test_the_kill_comes_after_the_grace_of_each() -> None:
    replay = started()
    replay.stop()

    assert replay.due_in == 120
    assert replay.after(119) == []
    assert replay.after(1) == ["SIGKILL worker-1 and all its own", "SIGKILL worker-2 and all its own"]
    # A process that does not end in the kernel gets another signal later, not at once.
    assert replay.after(0) == []
    assert replay.due_in == BACK_OFF_MAX_S


def test_stop_now_kills_at_once_but_in_the_same_order() -> None:
    replay = started()

    assert replay.stop(now=True) == ["SIGTERM worker-1", "SIGTERM worker-2"]
    assert replay.due_in == 0
    assert replay.after(0) == ["SIGKILL worker-1 and all its own", "SIGKILL worker-2 and all its own"]
    replay.exit("worker-1", -9)
    assert replay.exit("worker-2", -9) == ["SIGTERM broker", "SIGTERM web"]
    assert replay.after(0) == ["SIGKILL broker and all its own", "SIGKILL web and all its own"]


def test_stop_now_after_stop() -> None:
    replay = started()
    replay.stop()
    replay.after(5)

    assert replay.stop(now=True) == ["SIGKILL worker-1 and all its own", "SIGKILL worker-2 and all its own"]


def test_stop_while_it_starts() -> None:
    replay = platform()
    replay.well("database")

    assert replay.stop() == ["SIGTERM broker", "SIGTERM init-db-users"]
    assert replay.exit("init-db-users", -15) == ["SIGINT database"]
    replay.exit("broker")
    assert replay.exit("database") == []
    assert replay.machine.all_stopped


def test_what_is_in_back_off_does_not_come_back_while_stopping() -> None:
    replay = started()
    replay.exit("web", 1)

    replay.stop()

    assert replay.states["web"] == "stopped"
    assert replay.after(50) == []


def test_what_dies_while_the_others_stop_is_left_alone() -> None:
    replay = started()
    replay.stop()

    assert replay.exit("broker", 1) == []
    assert replay.states["broker"] == "stopped"
    assert replay.after(BACK_OFF_MAX_S) == []


def test_a_restart_while_everything_stops_changes_nothing() -> None:
    replay = started()
    replay.stop()

    assert replay.restart("database") == []
    assert replay.states["database"] == "healthy"


def test_a_restart_of_what_has_stopped_changes_nothing() -> None:
    replay = started()
    replay.stop()
    replay.exit("worker-1")

    assert replay.restart("worker-1") == []
    assert replay.states["worker-1"] == "stopped"


def test_illness_does_not_change_the_order_of_stopping() -> None:
    replay = started()
    replay.ill("database")
    replay.after(PATIENCE_S - 1)
    replay.stop()

    assert replay.after(1) == []
    assert replay.states["database"] == "unhealthy"


def test_what_is_being_restarted_is_stopped_for_good() -> None:
    replay = Replay(process("web"))
    replay.well("web")
    replay.restart("web")

    assert replay.stop() == []
    assert replay.exit("web") == []
    assert replay.machine.all_stopped


def test_nothing_that_is_added_while_everything_stops_starts() -> None:
    replay = Replay(process("web"), process("worker-1", {"web": STARTED}))
    replay.well("web", "worker-1")
    replay.stop()

    assert replay.add(process("worker-2", {"web": STARTED})) == []
    replay.exit("worker-1")
    replay.exit("web")
    assert replay.machine.all_stopped


# Scaling


def test_scale_down_stops_and_forgets_those_alone() -> None:
    replay = started()

    assert replay.stop("worker-2") == ["SIGTERM worker-2"]
    assert replay.machine.all_well  # a leaving process does not count
    assert not replay.machine.all_stopped
    assert replay.exit("worker-2") == []
    assert "worker-2" not in replay.states
    assert replay.after(3600) == []


def test_scale_down_of_what_does_not_run_forgets_it_at_once() -> None:
    replay = started()
    replay.exit("worker-2", 1)

    assert replay.stop("worker-2") == []
    assert "worker-2" not in replay.states


def test_scale_down_waits_for_its_grace() -> None:
    replay = started()
    replay.stop("worker-2")

    assert replay.due_in == 120
    assert replay.after(120) == ["SIGKILL worker-2 and all its own"]


def test_everything_stops_while_one_leaves() -> None:
    replay = started()
    replay.stop("worker-2")
    replay.after(10)

    assert replay.stop() == ["SIGTERM worker-1"]
    replay.exit("worker-2")
    assert replay.exit("worker-1") == ["SIGTERM broker", "SIGTERM web"]


def test_a_number_may_come_back() -> None:
    replay = started()
    replay.stop("worker-2")
    replay.exit("worker-2")

    assert replay.add(process("worker-2", {"broker": HEALTHY, "web": STARTED})) == ["start worker-2"]


def test_nothing_at_all_is_stopped() -> None:
    assert Replay().machine.all_stopped


@pytest.mark.parametrize(
    ("code", "text"), [(0, "exit code 0"), (3, "exit code 3"), (-9, "killed by SIGKILL"), (-99, "killed by signal 99")]
)
def test_how_a_process_ended(code: int, text: str) -> None:
    assert describe_exit(code) == text
