"""An environment on AWS as a target of releases: ECS services, rolled without a task lost."""

from tradewind.releases.ecs.layout import Layout
from tradewind.releases.ecs.target import EcsTarget

__all__ = ["EcsTarget", "Layout"]
