"""The control loop for workers: inspect each pool, ask the policy, take the steps that are due. No other code does."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from tradewind.protocol.workers import GroupState, Order, PoolState, Stage
from tradewind.scaling.policy import Bounds, Demand, Policy, Signals, WorkerPool, bounds_at, tasks_of
from tradewind.workers.pool import Backend, Pool, Steps, Tell, Worker, decide, grown

log = logging.getLogger(__name__)

_WAITED_FOR = (Stage.STARTING, Stage.CORDONING)

AGAIN_S = 900.0
"""Time between two retries after the runtime has given up. A new attempt of a rollout retries at once."""
CLOSELY_S = 3600.0
"""Time between two close inspections, which check the age of the workers of a pool."""


@dataclass(frozen=True)
class Seen:
    """The found and the wanted state of one pool. ``held``: why it was not changed, or what it waits for."""

    tasks: int | None = None
    workers: int | None = None
    wanted: int | None = None
    held: str = ""


@dataclass(frozen=True)
class _Known:
    """The input for a pool, before it is inspected. ``demand`` covers all queues; None: it cannot be read (``why``)."""

    demand: Mapping[str, int] | None
    why: str
    override: Bounds | None
    order: Order | None


class OrderBook(Protocol):
    """The orders of rollouts, and their progress."""

    def orders(self) -> Mapping[str, Order]:
        """The last order of each pool."""

    def see(self, pools: Mapping[str, PoolState]) -> None:
        """Store the state of the pools."""


def by_demand(pool: WorkerPool) -> Policy:
    """The policy of a pool without another one: the number of workers follows its tasks."""
    return Demand(pool.slots, pool.scale_in_stabilization_s)


class Reconciler:
    """Keeps every pool at its number of workers and its revision.

    ``tell`` sends workers commands over the broker. ``demand`` reads how many tasks each queue has. ``overrides`` are
    bounds that an operator has set, by pool. A signal that cannot be read does not count as zero: the pool keeps its
    number of workers. ``scale_s``: seconds between two steps; ``haste_s``: the same while a rollout waits for new
    workers.
    """

    def __init__(
        self,
        classes: Iterable[WorkerPool],
        backend: Backend,
        tell: Tell,
        demand: Callable[[], Mapping[str, int]],
        book: OrderBook,
        policy: Callable[[WorkerPool], Policy] = by_demand,
        overrides: Callable[[], Mapping[str, Bounds]] = dict,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        scale_s: float = 0.0,
        haste_s: float = 0.0,
    ) -> None:
        self._classes = {workers.service: workers for workers in classes}
        self._policies = {name: policy(workers) for name, workers in self._classes.items()}
        self._backend = backend
        self._send = tell
        self._demand = demand
        self._book = book
        self._overrides = overrides
        self._clock = clock
        self._monotonic = monotonic
        self._scale_s = scale_s
        self._haste_s = haste_s
        # A new leader does not know which workers are cordoned.
        self._unsettled = set(self._classes)
        self._looked: dict[str, float] = {}
        self._stepped = float("-inf")
        self._said: dict[str, str] = {}
        self._states: dict[str, PoolState] = {}
        self._tried: dict[str, tuple[str, float]] = {}

    def look(self) -> Mapping[str, Seen] | None:
        """Take a step if it is due; else return None."""
        waited_for = any(
            (state := self._states.get(name)) is None or state.order != order or state.stage in _WAITED_FOR
            for name, order in self._book.orders().items()
            if name in self._classes
        )
        if self._monotonic() - self._stepped < (self._haste_s if waited_for else self._scale_s):
            return None
        return self.step()

    def step(self) -> Mapping[str, Seen]:
        """Inspect every pool once, and take the steps that are due."""
        self._stepped = self._monotonic()
        orders = self._book.orders()
        try:
            demand: Mapping[str, int] | None = self._demand()
            overrides, why = self._overrides(), ""
        except Exception as error:
            demand, overrides, why = None, {}, str(error) or repr(error)
        seen = {
            name: self._keep(workers, _Known(demand, why, overrides.get(name), orders.get(name)))
            for name, workers in self._classes.items()
        }
        self._book.see(dict(self._states))
        return seen

    def _keep(self, workers: WorkerPool, known: _Known) -> Seen:
        name = workers.service
        try:
            return self._bring(workers, known)
        except Exception as error:  # an error of one pool does not stop the others
            self._unsettled.add(name)
            why = str(error) or repr(error)
            before = self._states.get(name, PoolState())
            # The last known stage still applies. An order without a known stage is not done.
            stage = before.stage if before.order == known.order else Stage.STARTING
            self._states[name] = replace(before, order=known.order, detail=why, stage=stage)
            return self._hold(name, why)

    def _bring(self, workers: WorkerPool, known: _Known) -> Seen:
        name, order = workers.service, known.order
        asked = order if order and self._backend.registered(name, order.revision) else None
        before, now = self._states.get(name), self._monotonic()
        with_workers = (
            name in self._unsettled
            or now - self._looked.get(name, now) >= CLOSELY_S
            or before is None
            or before.order != order
            or before.stage is not Stage.STEADY
        )
        if known.demand is None and (asked is None or not with_workers):
            return self._hold(name, known.why)
        pool = self._look(name, with_workers=with_workers)
        bounds = known.override or bounds_at(workers, self._clock())
        tasks, wanted, working = self._wanted(workers, pool, asked, known.demand, bounds, now)
        if not with_workers and (wanted < working or not _is_plain(pool, asked)):
            with_workers = True
            pool = self._look(name, with_workers=True)
        if with_workers:
            self._looked[name] = now
            attempt, at = self._tried.get(name, ("", -AGAIN_S))
            tried = attempt == (asked.attempt if asked else "") and now - at < AGAIN_S
            steps = decide(pool, asked, wanted, workers.replace_after_s, least=min(bounds.min, wanted), tried=tried)
        else:
            steps = grown(pool, wanted)
        self._take(name, steps, asked)
        cordoned = any(worker.cordoned for group in pool.groups for worker in group.workers)
        settled = working == wanted and not steps.waits and not cordoned and steps.stage is Stage.STEADY
        (self._unsettled.discard if settled else self._unsettled.add)(name)
        self._states[name] = _state(pool, order, steps, refused=asked is not order)
        self._tell(name, steps, working, wanted, tasks)
        return Seen(tasks, working, wanted, known.why or steps.waits)

    def _look(self, name: str, *, with_workers: bool) -> Pool:
        pool = self._backend.look(name, with_workers=with_workers)
        # A revision that Terraform made, and no rollout registered, is only a template.
        known = pool.default is not None and self._backend.registered(name, pool.default)
        return replace(self._asked(pool) if with_workers else pool, default=pool.default if known else None)

    def _asked(self, pool: Pool) -> Pool:
        """The pool with the cordons and tasks that its workers report."""
        names = [worker.name for group in pool.groups for worker in group.workers if worker.cordoned is None]
        duties = self._send("duty", names) if names else {}

        def asked(worker: Worker) -> Worker:
            duty = duties.get(worker.name, {})
            return replace(worker, cordoned=duty.get("cordoned"), tasks=duty.get("tasks")) if duty else worker

        groups = (replace(group, workers=tuple(map(asked, group.workers))) for group in pool.groups)
        return replace(pool, groups=tuple(groups))

    def _wanted(
        self,
        workers: WorkerPool,
        pool: Pool,
        order: Order | None,
        demand: Mapping[str, int] | None,
        bounds: Bounds,
        now: float,
    ) -> tuple[int | None, int, int]:
        """The tasks of a pool, how many workers it needs, and how many of its workers take tasks.

        Tasks that old workers finish need no new workers. If the demand cannot be read, it needs as many as it has.
        """
        working = max((group.working for group in pool.groups), default=0)
        if demand is None:
            return None, bounds.clamp(max(0, *(group.desired for group in pool.groups), working)), working
        tasks = tasks_of(workers, demand)
        revision = order.revision if order else pool.default
        finished = sum(
            worker.tasks or 0
            for group in pool.groups
            for worker in group.workers
            if worker.cordoned and group.revision != revision
        )
        policy = self._policies[workers.service]
        return tasks, policy.wanted(Signals(max(0, tasks - finished), working), bounds, now), working

    def _take(self, name: str, steps: Steps, order: Order | None) -> None:
        if steps.uncordon:
            self._send("uncordon", list(steps.uncordon))
        for keep in steps.grow:
            if keep.again:
                self._tried[name] = (order.attempt if order else "", self._monotonic())
            self._backend.keep(name, keep)
        if steps.cordon:  # workers that do not answer get it again in the next step
            self._send("cordon", list(steps.cordon))
        for keep in steps.shrink:
            self._backend.keep(name, keep)

    def _hold(self, name: str, why: str) -> Seen:
        if self._said.get(name) != why:
            log.warning("%s is not changed: %s", name, why)
        self._said[name] = why
        return Seen(held=why)

    def _tell(self, name: str, steps: Steps, working: int, wanted: int, tasks: int | None) -> None:
        did = {
            "are uncordoned": ", ".join(steps.uncordon),
            "are kept": ", ".join(f"{keep.count} of {keep.revision[-24:] or name}" for keep in steps.grow),
            "are cordoned": ", ".join(steps.cordon),
            "are removed": ", ".join(worker for keep in steps.shrink for worker in keep.leaving),
        }
        text = "; ".join(f"{who} {what}" for what, who in did.items() if who)
        said = "; ".join(filter(None, [text, steps.waits]))
        if said and said != self._said.get(name):
            known = "?" if tasks is None else tasks
            log.info("%s: %s tasks, %d workers, %d wanted: %s", name, known, working, wanted, said)
        self._said[name] = said


def _is_plain(pool: Pool, order: Order | None) -> bool:
    """Whether the only possible step is to start workers, as far as this is visible without a query to them."""
    revision = order.revision if order else pool.default
    return len(pool.groups) == 1 and pool.groups[0].revision == revision and not pool.groups[0].failed


def _state(pool: Pool, order: Order | None, steps: Steps, *, refused: bool) -> PoolState:
    groups = tuple(
        GroupState(
            group.revision,
            group.desired,
            sum(worker.ready for worker in group.workers) if group.workers else None,
            group.tasks if group.workers else None,
        )
        for group in pool.groups
    )
    if refused and order:
        why = f"no rollout has registered {order.revision}, so it is not started"
        return PoolState(order, Stage.FAILED, why, groups)
    return PoolState(order, steps.stage, steps.waits, groups)
