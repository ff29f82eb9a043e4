"""Keeps the number of workers of every class: sees, asks the policy, and takes the steps that are due."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tradewind.scaling.fleet import Fleet, Steps, decide
from tradewind.scaling.policy import Bounds, Demand, Policy, Signals, WorkerClass, bounds_at, tasks_of

log = logging.getLogger(__name__)

CLOSELY_S = 3600.0
"""Between two looks at how old the workers of a class are."""


@dataclass(frozen=True)
class Seen:
    """What was found and wanted of one class. ``held`` says why nothing was changed, where that is so."""

    tasks: int | None = None
    workers: int | None = None
    wanted: int | None = None
    held: str = ""


class Scaler:
    """``demand`` reads how many tasks each queue has; ``overrides`` are bounds that a person has set, by service.

    A signal that cannot be read is not zero: the class stays as it is.
    """

    def __init__(
        self,
        classes: Iterable[WorkerClass],
        fleet: Fleet,
        demand: Callable[[], Mapping[str, int]],
        policy: Callable[[WorkerClass], Policy] = lambda workers: Demand(workers.slots, workers.shrink_after_s),
        overrides: Callable[[], Mapping[str, Bounds]] = dict,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._classes = {workers.service: workers for workers in classes}
        self._policies = {name: policy(workers) for name, workers in self._classes.items()}
        self._fleet = fleet
        self._demand = demand
        self._overrides = overrides
        self._clock = clock
        self._monotonic = monotonic
        # A leader that has just begun does not know who takes no tasks.
        self._unsettled = set(self._classes)
        self._looked: dict[str, float] = {}
        self._said: dict[str, str] = {}

    def step(self) -> Mapping[str, Seen]:
        """Look at every class once, and do what is due."""
        try:
            demand = self._demand()
            overrides = self._overrides()
        except Exception as error:
            return {name: self._hold(name, str(error)) for name in self._classes}
        return {name: self._keep(workers, demand, overrides.get(name)) for name, workers in self._classes.items()}

    def _keep(self, workers: WorkerClass, demand: Mapping[str, int], override: Bounds | None) -> Seen:
        name, tasks = workers.service, tasks_of(workers, demand)
        bounds = override or bounds_at(workers, self._clock())
        try:
            now = self._monotonic()
            closely = name in self._unsettled or now - self._looked.get(name, now) >= CLOSELY_S
            view = self._fleet.look(name, closely=closely)
            wanted = self._policies[name].wanted(Signals(tasks, view.working), bounds, now)
            if wanted < view.working and not closely:
                closely = True
                view = self._fleet.look(name, closely=True)
            if closely:
                self._looked[name] = now
            steps = decide(view, wanted, workers.replace_after_s)
            self._take(name, view.desired, steps)
        except Exception as error:  # of one class, whatever it is; the others are looked at
            self._unsettled.add(name)
            return self._hold(name, str(error) or repr(error))
        settled = view.working == wanted and not steps.waits and all(not worker.cordoned for worker in view.workers)
        (self._unsettled.discard if settled else self._unsettled.add)(name)
        self._tell(name, steps, view.working, wanted, tasks)
        return Seen(tasks, view.working, wanted, steps.waits)

    def _take(self, name: str, desired: int, steps: Steps) -> None:
        if steps.uncordon:
            self._fleet.uncordon(name, steps.uncordon)
        if steps.launch:
            self._fleet.keep(name, desired + steps.launch, ())
        if steps.cordon:
            self._fleet.cordon(name, steps.cordon)
        if steps.retire:
            self._fleet.keep(name, desired - len(steps.retire), steps.retire)

    def _hold(self, name: str, why: str) -> Seen:
        if self._said.get(name) != why:
            log.warning("%s stays as it is: %s", name, why)
        self._said[name] = why
        return Seen(held=why)

    def _tell(self, name: str, steps: Steps, working: int, wanted: int, tasks: int) -> None:
        did = {
            "take tasks again": steps.uncordon,
            "start": steps.launch,
            "take no more tasks": steps.cordon,
            "go": steps.retire,
        }
        text = "; ".join(
            f"{', '.join(who) if isinstance(who, tuple) else who} {what}" for what, who in did.items() if who
        )
        said = "; ".join(filter(None, [text, steps.waits]))
        if said and said != self._said.get(name):
            log.info("%s: %d tasks, %d workers, %d wanted: %s", name, tasks, working, wanted, said)
        self._said[name] = said
