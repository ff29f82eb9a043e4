"""Defaults, derived values, and the promise that every key is described."""

from collections.abc import Iterator

import pytest
from config_samples import changed, parsed, text
from pydantic import BaseModel, ValidationError

from tradewind.config import Environment, parse
from tradewind.config.fields import FARGATE_MEMORY, Model
from tradewind.config.service_settings import Size
from tradewind.errors import TradewindError


def environment(**settings: object) -> Environment:
    return Environment.model_validate({"name": "x", "account": "a", "network": {"cidr": "10.0.0.0/16"}, **settings})


def models(above: type[BaseModel] = Model) -> Iterator[type[BaseModel]]:
    for model in above.__subclasses__():
        yield model
        yield from models(model)


@pytest.mark.parametrize("model", list(models()), ids=lambda model: model.__name__)
def test_every_key_is_described(model: type[BaseModel]) -> None:
    assert model.__doc__
    for name, field in model.model_fields.items():
        assert field.description, f"{model.__name__}.{name} has no description"
        assert field.description.endswith("."), f"{model.__name__}.{name}: a description is a sentence"


@pytest.mark.parametrize("model", [one for one in models() if issubclass(one, Size)], ids=lambda model: model.__name__)
def test_default_sizes_are_offered_by_fargate(model: type[Size]) -> None:
    size = model()
    assert size.memory_gb in FARGATE_MEMORY[size.cpu]


def test_a_small_environment_costs_little() -> None:
    small = environment()

    assert (small.multi_az, small.broker_replicas, small.nat_per_zone) == (False, 0, False)
    assert (small.separate_execution_api, small.deletion_protection) == (False, False)
    assert small.max_slots == 64
    assert small.access.allowed_cidrs == ()


def test_high_availability_decides_what_is_not_given() -> None:
    high = environment(availability="high")

    assert (high.multi_az, high.broker_replicas, high.nat_per_zone) == (True, 1, True)
    assert high.separate_execution_api is True


def test_what_is_given_wins_over_what_is_derived() -> None:
    chosen = environment(
        availability="high",
        database={"multi_az": False, "deletion_protection": True},
        broker={"replicas": 0},
        network={"nat_gateways": "one"},
        execution_api={"separate": False},
    )

    assert (chosen.multi_az, chosen.broker_replicas, chosen.nat_per_zone) == (False, 0, False)
    assert (chosen.separate_execution_api, chosen.deletion_protection) == (False, True)


def test_an_environment_knows_its_account() -> None:
    config = parsed()

    assert config.environment("prod").account_id == "222222222222"
    assert config.environment("prod").production is True
    assert config.environment("prod").deletion_protection is True
    assert config.environment("dev").name == "dev"


def test_queues() -> None:
    workers = environment(workers={"default": {}, "heavy": {"queues": ["big", "night"], "slots": 4, "max": 10}})

    assert workers.queues_of("default") == ("default",)
    assert workers.pool_of_queue == {"default": "default", "big": "heavy", "night": "heavy"}
    assert workers.max_slots == 16 * 4 + 4 * 10


def test_desired_is_min_unless_given() -> None:
    services = environment(web={"min": 2, "max": 4}, triggerer={"desired": 2})

    assert (services.web.desired_count, services.triggerer.desired_count) == (2, 2)


def test_models_are_frozen_and_closed() -> None:
    small = environment()

    with pytest.raises(ValidationError, match="frozen"):
        small.account = "other"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        environment(colour="blue")


def test_path_order_ends_in_the_last_environment() -> None:
    more = {name: {"account": "main", "network": {"cidr": f"10.{n}.0.0/16"}} for n, name in enumerate("abc", 10)}
    data = changed(promotion={"a": "c", "dev": "c", "b": "a", "c": "prod"})
    data["environments"].update(more)
    config = parse(text(data))

    assert config.path_order() == ("b", "dev", "a", "c", "prod")
    assert config.entries == ("dev", "b")
    assert config.local_environment.name == "dev"


def test_an_unknown_environment_is_told_the_nearest() -> None:
    with pytest.raises(TradewindError, match="did you mean prod") as raised:
        parsed().environment("pord")

    assert raised.value.hint == "environments: dev, prod"
