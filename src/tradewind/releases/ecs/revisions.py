"""Revisions of task definitions: Terraform's template with another image, registered once and found again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

REVISIONS = 25
"""How many revisions are searched. An older one is registered again."""

IMAGE_TAG = "tradewind:image"
TEMPLATE_TAG = "tradewind:template"

_NOT_REGISTERED = {
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
}


class Revisions:
    """The revisions of an environment's services. ``templates`` maps each service to its template."""

    def __init__(self, ecs: Any, templates: Mapping[str, str]) -> None:
        self._ecs = ecs
        self._templates = templates
        self._known: dict[tuple[str, str], str] = {}
        self._images: dict[str, str] = {}

    def of(self, name: str, image: str) -> str:
        """Return the revision of a service for an image. Registers it if its template has none for the image yet."""
        if (name, image) not in self._known:
            template = self._templates[name]
            family = template.rpartition("/")[2].rpartition(":")[0]
            wanted = {IMAGE_TAG: _tag(image), TEMPLATE_TAG: _tag(template)}
            self._known[name, image] = self._find(family, wanted) or self._register(name, template, image, wanted)
        return self._known[name, image]

    def _find(self, family: str, wanted: Mapping[str, str]) -> str | None:
        answer = self._ecs.list_task_definitions(
            familyPrefix=family, status="ACTIVE", sort="DESC", maxResults=REVISIONS
        )
        for arn in answer["taskDefinitionArns"]:
            tags = self._ecs.list_tags_for_resource(resourceArn=arn)["tags"]
            if wanted.items() <= {tag["key"]: tag["value"] for tag in tags}.items():
                return str(arn)
        return None

    def _register(self, name: str, template: str, image: str, tags: Mapping[str, str]) -> str:
        found = self._ecs.describe_task_definition(taskDefinition=template, include=["TAGS"])
        definition = {key: value for key, value in found["taskDefinition"].items() if key not in _NOT_REGISTERED}
        for container in definition["containerDefinitions"]:
            if container["name"] == name:
                container["image"] = image
        kept = {tag["key"]: tag["value"] for tag in found.get("tags", [])}
        definition["tags"] = [{"key": key, "value": value} for key, value in {**kept, **tags}.items()]
        return str(self._ecs.register_task_definition(**definition)["taskDefinition"]["taskDefinitionArn"])

    def image(self, name: str, revision: str) -> str:
        """Return the image that a revision runs."""
        if revision not in self._images:  # a revision never changes
            definition = self._ecs.describe_task_definition(taskDefinition=revision)["taskDefinition"]
            self._images[revision] = next(c["image"] for c in definition["containerDefinitions"] if c["name"] == name)
        return self._images[revision]

    def log_group(self, revision: str) -> str:
        """Return the log group of the tasks of a revision."""
        definition = self._ecs.describe_task_definition(taskDefinition=revision)["taskDefinition"]
        options = definition["containerDefinitions"][0].get("logConfiguration", {}).get("options", {})
        return str(options.get("awslogs-group", "none"))


def _tag(text: str) -> str:
    """Return a text as a valid tag value: ECS allows at most 256 characters, and not every character."""
    return hashlib.sha256(text.encode()).hexdigest()
