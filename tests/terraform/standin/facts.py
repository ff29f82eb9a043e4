"""Facts about AWS that are too many to write down: values from botocore's service models, actions from parliament."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from pathlib import Path
from typing import Any

import yaml

_ENUMERATIONS = Path(__file__).with_name("enumerations.yaml")


def version() -> str:
    """The versions of the packages that the facts come from."""
    return " ".join(f"{name} {importlib.metadata.version(name)}" for name in ("botocore", "parliament"))


def collect() -> dict[str, Any]:
    """All facts that the rules need: {"enumerations": {TYPE: {ARGUMENT: [...]}}, "actions": {PREFIX: [...]}}."""
    return {"enumerations": enumerations(), "actions": actions()}


def enumerations() -> dict[str, dict[str, list[str]]]:
    """For each argument in enumerations.yaml, the values that the service model lists.

    Raises KeyError if a shape is no longer an enumeration.
    """
    # Importing botocore takes a quarter of a second, and the facts are collected once.
    from botocore.loaders import Loader

    loader = Loader()
    models: dict[str, Any] = {}
    found: dict[str, dict[str, list[str]]] = {}
    for resource, arguments in yaml.safe_load(_ENUMERATIONS.read_text()).items():
        for argument, place in arguments.items():
            service, shape = place.split()
            if service not in models:
                models[service] = loader.load_service_model(service, "service-2")["shapes"]
            found.setdefault(resource, {})[argument] = models[service][shape]["enum"]
    return found


def actions() -> dict[str, list[str]]:
    """The actions of each service prefix in lower case, as AWS compares them: {"s3": ["getobject", ...]}."""
    # Found without importing parliament, which reads all its files and leaves them open.
    package = importlib.util.find_spec("parliament")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("parliament is not installed", name="parliament")
    definition = Path(package.origin).with_name("iam_definition.json").read_text()
    return {
        service["prefix"]: sorted(privilege["privilege"].lower() for privilege in service["privileges"])
        for service in json.loads(definition)
    }
