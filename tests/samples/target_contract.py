"""The contract of every target: FakeTarget, ECS and this machine. A subclass has a fixture ``case``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tradewind.releases.target import DeployableService, Progress, State, Target

LOOKS = 2_000


@dataclass
class Case:
    """A target on which every service runs ``old``, and one of its services, which the tests change.

    ``wait`` waits between two looks. ``once`` is a one-shot task and ``once_image`` an image for it.
    """

    target: Target
    service: str
    old: str
    new: str
    broken: str
    once: str
    once_image: str
    wait: Callable[[], None]

    def rolled(self, name: str) -> DeployableService:
        return next(service for service in self.target.services() if service.name == name)

    def ended(self, look: Callable[[], Progress]) -> Progress:
        for _ in range(LOOKS):
            progress = look()
            if progress.state is not State.PENDING:
                return progress
            self.wait()
        raise AssertionError(f"still {progress}")

    def bring(self, name: str, image: str) -> Progress:
        return self.ended(lambda: self.target.advance(self.rolled(name), image))


class TargetContract:
    def test_dependencies_come_first_and_one_offs_do_not_run(self, case: Case) -> None:
        services = case.target.services()

        assert len({service.name for service in services}) == len(services)
        assert {s.name for s in services if not s.one_shot} == set(case.target.running())
        names = [service.name for service in services]
        assert names.index("migrate-db") < names.index("scheduler")

    def test_a_service_reaches_its_image_and_stays_there(self, case: Case) -> None:
        others = {name: images for name, images in case.target.running().items() if name != case.service}

        assert case.bring(case.service, case.new).state is State.DONE

        assert case.target.running() == {**others, case.service: frozenset({case.new})}
        assert case.target.advance(case.rolled(case.service), case.new).state is State.DONE
        assert case.bring(case.service, case.old).state is State.DONE
        assert case.target.running()[case.service] == frozenset({case.old})

    def test_a_broken_image_fails_with_a_reason_and_is_taken_back(self, case: Case) -> None:
        failed = case.bring(case.service, case.broken)

        assert failed.state is State.FAILED
        assert failed.detail
        assert case.bring(case.service, case.old).state is State.DONE
        assert case.target.running()[case.service] == frozenset({case.old})

    def test_a_change_of_mind_in_the_middle(self, case: Case) -> None:
        """As if a deployment had been killed, and another release were deployed instead."""
        case.target.advance(case.rolled(case.service), case.new)
        case.wait()
        case.target.advance(case.rolled(case.service), case.new)

        assert case.bring(case.service, case.old).state is State.DONE
        assert case.target.running()[case.service] == frozenset({case.old})

    def test_a_one_off_runs_to_its_end(self, case: Case) -> None:
        assert case.bring(case.once, case.once_image).state is State.DONE

    def test_the_whole_is_confirmed(self, case: Case) -> None:
        assert case.ended(lambda: case.target.confirm(0.0)).state is State.DONE
