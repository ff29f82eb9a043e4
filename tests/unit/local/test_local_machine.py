"""Event histories, replayed to the state machine with a manual clock."""

from pathlib import Path

import pytest
from machine_samples import COMPLETED, HEALTHY, ILL, STARTED, UNKNOWN, Replay, one_shot, platform, process, started

from tradewind.local.state_machine import (
    BACK_OFF_FIRST_S,
    BACK_OFF_MAX_S,
    CRASH_LOOP_AFTER,
    PATIENCE_S,
    STEADY_AFTER_S,
    Exited,
    Restart,
    Spawned,
)

# Starting


def test_each_starts_once_its_dependencies_are_met() -> None:
    replay = platform()

    assert replay.first == ["start database", "start broker"]
    assert replay.well("broker") == []
    assert replay.well("database") == ["start init-db-users"]
    # A worker does not wait for web: only the order of stopping matters there.
    assert replay.exit("init-db-users") == ["start migrate-db", "start worker-1", "start worker-2"]
    assert replay.exit("migrate-db") == ["start web"]
    assert not replay.machine.all_well
    assert replay.well("web", "worker-1", "worker-2") == []
    assert replay.machine.all_well


def test_a_process_without_a_probe_is_healthy_once_it_runs() -> None:
    replay = Replay(process("a", probe=None), process("b", ["a"]))

    assert replay.first == ["start a", "start b"]
    assert replay.states == {"a": "healthy", "b": "starting"}


def test_dependents_come_up_whatever_the_order_in_which_they_are_listed() -> None:
    replay = Replay(process("b", ["a"]), process("a", probe=None))

    assert replay.first + replay.tell(Spawned("a")) == ["start a", "start b"]


def test_what_needs_something_that_is_not_there_waits() -> None:
    replay = Replay(process("a", ["nowhere"]))

    assert replay.first == []
    assert replay.due_in is None


def test_a_cycle_is_refused() -> None:
    with pytest.raises(ValueError, match="a cycle of dependencies: a -> b -> a"):
        Replay(process("a", ["b"]), process("b", ["a"]))


def test_later_additions_start_too() -> None:
    replay = started()

    assert replay.add(process("worker-3", {"broker": HEALTHY, "web": STARTED})) == ["start worker-3"]


def test_events_of_unknown_processes_are_ignored() -> None:
    replay = started()

    assert replay.tell(Exited("nobody", 1)) == replay.tell(Restart("nobody")) == []
    assert replay.machine.all_well


# One-shot tasks


def test_a_one_off_that_fails_is_not_tried_again_and_nothing_starts_behind_it() -> None:
    replay = platform()
    replay.well("database")

    assert replay.exit("init-db-users", 3) == []
    assert replay["init-db-users"].problem == "exit code 3"
    assert replay.after(3600) == ["SIGTERM broker"]  # the broker was never healthy
    assert replay.states["init-db-users"] == "failed"
    assert replay.states["migrate-db"] == "waiting"


def test_a_one_off_that_could_not_be_started_has_failed_whatever_its_code() -> None:
    replay = Replay(one_shot("init-db-users"))

    replay.exit("init-db-users", 0, "cannot start python: no such file")

    assert replay.states == {"init-db-users": "failed"}
    assert replay["init-db-users"].problem == "cannot start python: no such file"


def test_a_one_off_whose_stamp_is_there_is_skipped(tmp_path: Path) -> None:
    stamp = tmp_path / "migrate-db"
    stamp.write_text("version 1")

    again = Replay(
        one_shot("migrate-db", stamp="version 1", stamp_file=stamp), process("web", {"migrate-db": COMPLETED})
    )
    assert again.first == ["start web"]
    assert again.states["migrate-db"] == "done"

    newer = Replay(
        one_shot("migrate-db", stamp="version 2", stamp_file=stamp), process("web", {"migrate-db": COMPLETED})
    )
    assert newer.first == ["start migrate-db"]
    assert newer.exit("migrate-db") == ["start web"]
    assert stamp.read_text() == "version 2"


def test_a_one_off_that_fails_leaves_no_stamp(tmp_path: Path) -> None:
    stamp = tmp_path / "migrate-db"
    replay = Replay(one_shot("migrate-db", stamp="1", stamp_file=stamp))

    replay.exit("migrate-db", 1)

    assert not stamp.exists()


def test_a_one_off_that_was_stopped_leaves_no_stamp(tmp_path: Path) -> None:
    stamp = tmp_path / "migrate-db"
    replay = Replay(one_shot("migrate-db", stamp="1", stamp_file=stamp))

    assert replay.stop() == ["SIGTERM migrate-db"]
    replay.exit("migrate-db", 0)

    assert replay.states == {"migrate-db": "stopped"}
    assert not stamp.exists()


def test_a_one_off_may_take_as_long_as_it_takes() -> None:
    replay = Replay(one_shot("migrate-db"))

    assert replay.after(10 * PATIENCE_S) == []
    assert replay.due_in is None


# Back-off


def test_the_pause_doubles_up_to_a_limit() -> None:
    replay = Replay(process("web"))
    pauses = []
    for _ in range(10):
        assert replay.exit("web", 1) == []
        pauses.append(replay.due_in)
        assert replay.after((replay.due_in or 0) - 0.01) == []
        assert replay.after(0.01) == ["start web"]

    assert pauses == pytest.approx([0.25, 0.5, 1, 2, 4, 8, 16, 30, 30, 30])
    assert pauses[0] == pytest.approx(BACK_OFF_FIRST_S)
    assert pauses[-1] == pytest.approx(BACK_OFF_MAX_S)
    assert replay["web"].restarts == 10


def test_many_failures_in_a_row_are_a_crash_loop_that_goes_on_trying() -> None:
    replay = Replay(process("web"))
    states = []
    for _ in range(CRASH_LOOP_AFTER + 1):
        replay.exit("web", -9)
        states.append(replay.states["web"])
        assert replay.after(BACK_OFF_MAX_S) == ["start web"]

    assert states == ["back-off"] * (CRASH_LOOP_AFTER - 1) + ["crash-loop"] * 2
    assert replay["web"].last_exit == "killed by SIGKILL"
    assert not replay.machine.all_well


def test_a_thousand_failures_do_not_overflow_the_pause() -> None:
    replay = Replay(process("web"))
    for _ in range(1100):
        replay.exit("web", 1)
        replay.after(BACK_OFF_MAX_S)

    replay.exit("web", 1)
    assert replay.due_in == BACK_OFF_MAX_S


def test_failures_are_forgotten_after_a_steady_time() -> None:
    replay = Replay(process("web"))
    for _ in range(3):
        replay.exit("web", 1)
        replay.after(BACK_OFF_MAX_S)
    replay.well("web")
    replay.after(STEADY_AFTER_S - 1)
    replay.well("web")
    assert replay["web"].failures == 3

    replay.after(1)
    replay.well("web")
    replay.exit("web", 1)

    assert replay["web"].failures == 1
    assert replay.due_in == pytest.approx(BACK_OFF_FIRST_S)


def test_being_ill_in_between_is_not_steady() -> None:
    replay = Replay(process("web"))
    replay.exit("web", 1)
    replay.after(BACK_OFF_MAX_S)
    replay.well("web")
    replay.after(STEADY_AFTER_S - 1)
    replay.ill("web")
    replay.well("web")
    replay.after(2)
    replay.well("web")

    assert replay["web"].failures == 1


def test_failures_of_a_process_without_a_probe_are_forgotten_too() -> None:
    replay = Replay(process("flower", probe=None))
    for _ in range(2 * CRASH_LOOP_AFTER):
        replay.exit("flower", 1)
        assert replay.states["flower"] == "back-off"
        assert replay.after(BACK_OFF_MAX_S) == ["start flower"]
        replay.after(24 * 3600)


def test_the_end_of_a_service_is_a_failure_even_with_code_0() -> None:
    replay = started()

    replay.exit("web", 0)

    assert replay.states["web"] == "back-off"
    assert replay["web"].problem == "exit code 0"


def test_dependents_stay_while_what_they_need_comes_back() -> None:
    replay = started()

    replay.exit("database", 1)
    assert replay.after(BACK_OFF_FIRST_S) == ["start database"]
    replay.well("database")

    assert replay.machine.all_well
    assert replay["web"].restarts == 0


# Health


def test_ill_and_well_again() -> None:
    replay = started()

    assert replay.ill("web") == []
    assert replay.states["web"] == "unhealthy"
    assert replay["web"].problem == "no answer"
    assert not replay.machine.all_well

    replay.well("web")
    assert replay.states["web"] == "healthy"
    assert replay["web"].problem == ""


@pytest.mark.parametrize("was_healthy", [False, True], ids=["starting", "unhealthy"])
def test_what_stays_ill_is_restarted_with_a_pause(was_healthy: bool) -> None:
    replay = Replay(process("web"))
    if was_healthy:
        replay.well("web")
    replay.ill("web")

    assert replay.due_in == PATIENCE_S
    assert replay.after(PATIENCE_S - 1) == []
    replay.ill("web")
    assert replay.after(1) == ["SIGTERM web"]
    replay.exit("web", 0)
    assert replay.states["web"] == "back-off"
    assert replay.after(BACK_OFF_FIRST_S) == ["start web"]
    assert (replay["web"].failures, replay["web"].restarts) == (1, 1)
    # The new process gets the same time as the first one.
    assert replay.due_in == PATIENCE_S


def test_what_nobody_ever_saw_is_restarted_with_a_pause() -> None:
    replay = Replay(process("web"))

    assert replay.after(PATIENCE_S) == ["SIGTERM web"]
    replay.exit("web", -15)

    assert replay.states["web"] == "back-off"
    assert replay["web"].failures == 1


def test_unknown_neither_starts_nor_ends_anything() -> None:
    replay = Replay(process("dag-processor"), process("after", ["dag-processor"]))

    for _ in range(10):
        assert replay.after(PATIENCE_S - 1) == []
        assert replay.ill("dag-processor", UNKNOWN) == []

    assert replay.states == {"dag-processor": "starting", "after": "waiting"}
    assert replay["dag-processor"].problem == UNKNOWN.problem


def test_unknown_makes_nobody_ill() -> None:
    replay = started()

    replay.ill("web", UNKNOWN)

    assert replay.states["web"] == "healthy"
    assert replay["web"].problem == UNKNOWN.problem
    replay.well("web")
    assert replay["web"].problem == ""


def test_unknown_does_not_make_the_ill_well_and_their_patience_begins_anew() -> None:
    replay = started()
    replay.ill("web", ILL)
    replay.after(PATIENCE_S - 1)

    replay.ill("web", UNKNOWN)

    assert replay.states["web"] == "unhealthy"
    assert replay.due_in == PATIENCE_S


def test_a_late_answer_of_a_probe_changes_nothing() -> None:
    replay = started()
    replay.exit("web", 1)

    assert replay.well("web") == []
    assert replay.states["web"] == "back-off"

    replay.stop("worker-2")
    replay.well("worker-2")
    assert replay.states["worker-2"] == "stopping"


# Restart


def test_restart_of_what_is_healthy() -> None:
    replay = started()

    assert replay.restart("web") == ["SIGTERM web"]
    assert replay.exit("web", 0) == ["start web"]
    assert (replay["web"].restarts, replay["web"].failures) == (1, 0)
    assert replay["web"].problem == ""


def test_restart_that_needs_a_kill() -> None:
    replay = started()
    replay.restart("web")

    assert replay.due_in == 30
    assert replay.after(30) == ["SIGKILL web and all its own"]
    assert replay.exit("web", -9) == ["start web"]
    assert replay["web"].failures == 0


def test_restart_in_back_off_starts_at_once_and_forgets() -> None:
    replay = Replay(process("web"))
    for _ in range(6):
        replay.exit("web", 1)
        replay.after(BACK_OFF_MAX_S)
    replay.exit("web", 1)

    assert replay.restart("web") == ["start web"]
    assert replay["web"].failures == 0


def test_restart_in_back_off_waits_for_what_it_needs() -> None:
    replay = started()
    replay.exit("database", 1)
    replay.exit("web", 1)

    assert replay.restart("web") == []
    assert replay.states["web"] == "waiting"
    assert replay.after(BACK_OFF_FIRST_S) == ["start database"]
    assert replay.well("database") == ["start web"]


def test_two_restarts_are_one() -> None:
    replay = started()

    assert replay.restart("web") == ["SIGTERM web"]
    assert replay.restart("web") == []
    assert replay.exit("web", 0) == ["start web"]


def test_a_failed_one_off_may_be_restarted() -> None:
    replay = Replay(one_shot("migrate-db"))
    replay.exit("migrate-db", 1)

    assert replay.restart("migrate-db") == ["start migrate-db"]
