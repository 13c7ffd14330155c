"""Whatever the order, duplicates, losses, crashes, replays and cancellations: each project ends in a legal state."""

from collections.abc import Callable
from random import Random
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from contracts import ProjectCancelled, ServiceName
from shared.errors import PermanentError, TemporaryError
from shared.models import LogStatus, ProvisioningState, StepState
from shared.outcome import Later, Outcome, Parked
from tests.choreography.events import Story
from tests.shared.messaging.model import World
from tests.shared.messaging.model_parts import CONSUMERS, Delivery, Rule, read

TROUBLES: tuple[Outcome | Exception, ...] = (
    TemporaryError("busy", code="busy"),
    PermanentError("no", code="no"),
    ValueError("a bug"),
    Later(after=1, message="not yet"),
    Parked(key="capacity", message="no place"),
)
UNDOERS = ProjectCancelled.undone_by
CHAIN = ("dns.project-ordered", "deploy.dns-configured", "bootstrap.app-deployed", "notify.core-healthy")
END_OF_CANCELLED = {ProvisioningState.CANCELLING, ProvisioningState.CANCELLED, ProvisioningState.FAILED}
MOST_PROJECTS = 2
MOST_CANCELLATIONS = 2
STEPS = 60
MOST_WALKS = 5000

pick = st.integers(0, 1_000_000)


class Choreography(RuleBasedStateMachine):
    """Two projects, of which one may be cancelled. Each rule is one thing that may happen next, somewhere."""

    without: ClassVar[Rule | None] = None

    def __init__(self) -> None:
        super().__init__()
        self.world = World(without=self.without)
        self.cancellations = 0

    @precondition(lambda self: len(self.world.stories) < MOST_PROJECTS)
    @rule()
    def a_customer_orders(self) -> None:
        story = Story()
        self.world.stories[story.project_id] = story
        self.world.place(story.ordered())

    @precondition(lambda self: self.world.stories and self.cancellations < MOST_CANCELLATIONS)
    @rule()
    def the_first_customer_cancels(self) -> None:
        self.cancellations += 1
        self.world.place(next(iter(self.world.stories.values())).cancelled())

    @precondition(lambda self: self.world.outbox)
    @rule(number=pick, arrives=st.sampled_from([True, True, False]), confirmed=st.sampled_from([True, True, False]))
    def the_outbox_is_said(self, number: int, *, arrives: bool, confirmed: bool) -> None:
        message = chosen(list(self.world.outbox.values()), number)
        self.world.publish(message, arrives=arrives, confirmed=arrives and confirmed)

    @precondition(lambda self: self.world.queues)
    @rule(number=pick, acked=st.sampled_from([True, True, False]), crash=st.sampled_from([False, False, True]))
    def a_message_is_delivered(self, number: int, *, acked: bool, crash: bool) -> None:
        self.world.deliver(chosen(self.world.queues, number), acked=acked, crash=crash)

    @precondition(lambda self: self.world.delivered)
    @rule(number=pick, deaths=st.integers(0, 2))
    def a_late_copy_comes(self, number: int, deaths: int) -> None:
        old = chosen(self.world.delivered, number)
        if deaths and deaths not in self.world.replayed.get((old.queue, read(old.body).id), set()):
            deaths = 0
        self.world.queues.append(Delivery(old.queue, old.body, deaths))

    @precondition(lambda self: self.world.letters)
    @rule(number=pick)
    def a_dead_letter_is_replayed(self, number: int) -> None:
        self.world.replay(chosen(self.world.letters, number))

    @precondition(lambda self: self.world.tries)
    @rule(number=pick)
    def a_try_goes_on(self, number: int) -> None:
        self.world.advance(chosen(self.world.tries, number))

    @precondition(lambda self: self.world.tries)
    @rule(number=pick)
    def a_try_ends_undisturbed(self, number: int) -> None:
        each = chosen(self.world.tries, number)
        while each in self.world.tries:
            self.world.advance(each)

    @precondition(lambda self: self.world.tries)
    @rule(number=pick, trouble=st.sampled_from(TROUBLES), late=st.booleans())
    def a_try_meets_trouble(self, number: int, trouble: Outcome | Exception, *, late: bool) -> None:
        self.world.advance(chosen(self.world.tries, number), trouble, late=late)

    @precondition(lambda self: self.world.tries)
    @rule(number=pick)
    def a_process_freezes(self, number: int) -> None:
        self.world.freeze(chosen(self.world.tries, number))

    @precondition(lambda self: self.world.tries)
    @rule(number=pick)
    def a_process_dies(self, number: int) -> None:
        self.world.crash(chosen(self.world.tries, number))

    @precondition(lambda self: bool(due(self.world)))
    @rule(number=pick)
    def what_is_due_is_taken(self, number: int) -> None:
        self.world.take(chosen(due(self.world), number))

    @invariant()
    def nothing_happens_twice(self) -> None:
        for (consumer, event, status), count in self.world.log.items():
            assert status is not LogStatus.COMPLETED or count == 1, f"{consumer} completed {event} {count} times"
        assert all(count <= 1 for count in self.world.made.values()), "a thing was made twice"
        for key, count in self.world.opened_again.items():
            assert count <= len(self.world.replayed.get(key, ())), "what nobody replayed was opened again"

    @invariant()
    def nothing_is_left_behind_after_cancelled(self) -> None:
        world = self.world
        for project in world.undone:
            state = world.projects.get(project)
            assert state is None or state in END_OF_CANCELLED, f"a cancelled project is {state}"
            if state is ProvisioningState.CANCELLED or (state is None and world.undone[project] >= UNDOERS):
                assert not any(world.made[project, service] for service in UNDOERS), "something is left behind"
                assert not any(is_forward(key[0]) for key, row in world.rows.items() if row.event.subject == project)
            if world.undone[project] >= UNDOERS:
                assert state in (None, ProvisioningState.CANCELLED), "cancelled is the only end"

    def teardown(self) -> None:
        """Everything settles, undisturbed; then nothing has been lost."""
        for _ in range(1000):
            if not self._goes_on():
                break
        else:
            raise AssertionError("it never comes to rest")
        self.nothing_happens_twice()
        self.nothing_is_left_behind_after_cancelled()
        for project in self.world.stories:
            self._ended_legally(project)

    def _goes_on(self) -> bool:
        world = self.world
        for message in list(world.outbox.values()):
            world.publish(message, arrives=True, confirmed=True)
        for delivery in list(world.queues):
            world.deliver(delivery, acked=True)
        for key in due(world):
            world.take(key)
        for each in list(world.tries):
            while each in world.tries:
                world.advance(each)
        return bool(world.outbox or world.queues or world.tries or due(world))

    def _ended_legally(self, project: Any) -> None:
        world = self.world
        dead = [(key, row) for key, row in world.rows.items() if row.event.subject == project]
        for key, row in dead:
            letters = [each for each in world.letters if (each.queue, read(each.body).id) == key]
            assert row.state is StepState.DEAD, f"{key[0]} is stuck"
            assert any(letter.deaths == row.deaths for letter in letters), f"{key[0]} died without a letter"
        if project in world.undone:
            buried = {CONSUMERS[key[0]][0] for key, row in dead if row.event.type == ProjectCancelled.type}
            assert world.undone[project] | buried >= UNDOERS, "a part is neither undone nor a dead letter"
            return
        completed = {queue for queue, event, status in self._steps_of(project) if status is LogStatus.COMPLETED}
        for queue in CHAIN:
            if queue not in completed:
                assert queue in {key[0] for key, _ in dead}, f"{queue} is lost"
                break
        else:
            assert world.projects[project] is ProvisioningState.LIVE
            made = [world.made[project, service] for service in (ServiceName.DNS, ServiceName.DEPLOY)]
            assert made == [1, 1]

    def _steps_of(self, project: Any) -> list[tuple[str, Any, LogStatus]]:
        events = {read(each.body).id for each in self.world.delivered if read(each.body).subject == project}
        return [step for step in self.world.log if step[1] in events]


def chosen(choices: Any, number: int) -> Any:
    return choices[number % len(choices)]


def is_forward(queue: str) -> bool:
    service, consumer = CONSUMERS[queue]
    return service in UNDOERS and consumer.event is not ProjectCancelled


def due(world: World) -> list[Any]:
    """What waits or is parked, at any time; what runs when its lease is over."""
    return [
        key
        for key, row in world.rows.items()
        if row.state in (StepState.WAITING, StepState.PARKED) or (row.state is StepState.RUNNING and row.expired)
    ]


QUICK = settings(
    max_examples=40,
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def test_any_interleaving_ends_in_a_legal_state() -> None:
    run_state_machine_as_test(Choreography, settings=QUICK)


@pytest.mark.parametrize("rule", Rule, ids=lambda rule: rule.name.lower())
def test_each_rule_is_needed(rule: Rule) -> None:
    mutant = type("Mutant", (Choreography,), {"without": rule})
    with pytest.raises(AssertionError):
        wander(mutant)


def wander(machine: type[Choreography]) -> None:
    for seed in range(MOST_WALKS):
        walk(machine(), Random(seed))


def walk(machine: Choreography, random: Random) -> None:
    """As hypothesis does, thirty times as fast and without an aim: some breaks need thousands of walks."""
    draws: dict[str, Callable[[], Any]] = {
        "number": lambda: random.randrange(1000),
        "deaths": lambda: random.randrange(3),
        "trouble": lambda: random.choice(TROUBLES),
        **dict.fromkeys(("arrives", "confirmed", "acked"), lambda: random.random() < 2 / 3),
        **dict.fromkeys(("crash", "late"), lambda: random.random() < 1 / 3),
    }
    for _ in range(STEPS):
        rules = [each for each in machine.rules if all(allows(machine) for allows in each.preconditions)]
        chosen_rule = random.choice(rules + 4 * [each for each in rules if each.function.__name__ == "a_try_goes_on"])
        chosen_rule.function(machine, **{name: draws[name]() for name in chosen_rule.arguments})
        machine.nothing_happens_twice()
        machine.nothing_is_left_behind_after_cancelled()
    machine.teardown()
