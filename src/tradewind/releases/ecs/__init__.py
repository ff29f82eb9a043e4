"""An environment on AWS as a target of releases: ECS services, replaced without losing a task."""

from tradewind.releases.ecs.ecs_target import EcsTarget
from tradewind.releases.ecs.layout import Layout

__all__ = ["EcsTarget", "Layout"]
