"""An environment on AWS as a target of releases: ECS services, rolled without a task lost."""

from tradewind.delivery.ecs.layout import Layout
from tradewind.delivery.ecs.target import EcsTarget

__all__ = ["EcsTarget", "Layout"]
