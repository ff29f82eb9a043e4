"""The provider's side of the protocol: one method for each call of Terraform."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from standin import ephemeral, invent, planning, rules, sources
from standin.planning import Settings
from standin.protocol import message
from standin.values import Value, decode, encode, known
from standin.world import World

_ERROR, _WARNING = 1, 2


@dataclass(frozen=True)
class Schema:
    """The files of `assemble`: the blocks of each type, the serialised schema, and facts for the rules."""

    blocks: dict[str, Any]
    serialised: bytes
    facts: dict[str, Any]

    @classmethod
    def load(cls, folder: Path) -> Schema:
        """Reads the files of a folder."""
        blocks, facts = (json.loads((folder / name).read_text()) for name in ("schema.json", "facts.json"))
        return cls(blocks, (folder / "schema.pb").read_bytes(), facts)


class Provider:
    """Answers from a schema, for one walk over one configuration.

    `account` is the account of the credentials. If it is empty: the first account that the configuration allows.
    """

    def __init__(self, schema: Schema, account: str = "") -> None:
        self._blocks = schema.blocks
        self._serialised = schema.serialised
        self._facts = schema.facts
        self._account = account
        self._world = World()
        self._settings: Settings | None = None

    def get_provider_schema(self, request: Any) -> bytes:
        """The schema, serialised beforehand."""
        return self._serialised

    def get_metadata(self, request: Any) -> Any:
        """The capabilities of the server."""
        return message(
            "GetMetadataResponse",
            server_capabilities=message("Capabilities", get_provider_schema_optional=True, move_resource_state=True),
        )

    def validate_provider_config(self, request: Any) -> Any:
        """Both lists of accounts at once are refused, as the provider does."""
        config = decode(request.config)
        problems = []
        if config.get("allowed_account_ids") and config.get("forbidden_account_ids"):
            problems.append(_diagnostic('"allowed_account_ids": conflicts with forbidden_account_ids'))
        return message("ValidateProviderConfigResponse", diagnostics=problems)

    def configure_provider(self, request: Any) -> Any:
        """Takes region, tags and account, and refuses an account that is not allowed."""
        config = decode(request.config)
        allowed, forbidden = config.get("allowed_account_ids"), config.get("forbidden_account_ids")
        lists_known = known(allowed) and known(forbidden)
        account = self._account or (sorted(allowed)[0] if allowed and lists_known else "123456789012")
        region = config.get("region")
        if not isinstance(region, str) or not region:
            return message("DiagnosticsResponse", diagnostics=[_diagnostic("Missing region configuration")])
        wrong = lists_known and ((allowed and account not in allowed) or (forbidden and account in forbidden))
        if wrong:
            return message("DiagnosticsResponse", diagnostics=[_diagnostic(f"AWS account ID not allowed: {account}")])
        tags = [block.get("tags") or {} for block in config.get("default_tags") or []]
        default_tags = tags[0] if tags and known(tags[0]) else {}
        # A walk begins here. The connection may have the port, and so the provider, of an earlier connection.
        self._world = World()
        self._settings = Settings(region, account, default_tags)
        return message("DiagnosticsResponse")

    def validate_resource_config(self, request: Any) -> Any:
        """Apply the rules to the known part of the configuration. Terraform validates again while it plans."""
        config = decode(request.config)
        return message("DiagnosticsResponse", diagnostics=self._check(request.type_name, config, "validate", config))

    def validate_data_resource_config(self, request: Any) -> Any:
        """Data sources have no rules."""
        return message("DiagnosticsResponse")

    def validate_ephemeral_resource_config(self, request: Any) -> Any:
        """Ephemeral resources have no rules; opening them may fail."""
        return message("DiagnosticsResponse")

    def upgrade_resource_state(self, request: Any) -> Any:
        """The schema has one version, so the state stays."""
        state = message("DynamicValue", json=request.raw_state.json)
        return message("UpgradeResourceStateResponse", upgraded_state=state)

    def move_resource_state(self, request: Any) -> Any:
        """A state moves as it is between resources of one type."""
        if request.source_type_name != request.target_type_name:
            problem = _diagnostic(
                "Move Resource State Not Supported",
                f"{request.source_type_name} cannot become {request.target_type_name}",
            )
            return message("MoveResourceStateResponse", diagnostics=[problem])
        state = message("DynamicValue", json=request.source_state.json)
        return message("MoveResourceStateResponse", target_state=state)

    def import_resource_state(self, request: Any) -> Any:
        """Import is not supported."""
        return message("ImportResourceStateResponse", diagnostics=[_diagnostic("the stand-in cannot import")])

    def read_resource(self, request: Any) -> Any:
        """Reading returns the stored state."""
        self._world.exists(request.type_name, decode(request.current_state))
        return message("ReadResourceResponse", new_state=request.current_state, private=request.private)

    def plan_resource_change(self, request: Any) -> Any:
        """Plans a resource, and applies the rules to all resources planned so far."""
        block = self._blocks[request.type_name]
        prior, proposed = decode(request.prior_state), decode(request.proposed_new_state)
        plan = planning.plan(block, prior, proposed, self._configured())
        response = {"planned_state": encode(plan.state), "legacy_type_system": plan.defaults}
        if prior is not None and (plan.state is None or plan.replace):
            self._world.gone(request.type_name, prior)
        if plan.state is None:
            return message("PlanResourceChangeResponse", **response)
        response["requires_replace"] = [_path(name) for name in plan.replace]
        if not plan.replace:
            response["diagnostics"] = self._check(request.type_name, decode(request.config), "plan", plan.state)
            if prior is None:
                response["planned_private"] = self._world.planned(request.type_name, plan.state)
            else:
                self._world.exists(request.type_name, plan.state)
        return message("PlanResourceChangeResponse", **response)

    def apply_resource_change(self, request: Any) -> Any:
        """Creates, changes or deletes the resource in memory, as its state only."""
        kind, block = request.type_name, self._blocks[request.type_name]
        state, prior = decode(request.planned_state), decode(request.prior_state)
        if state is None:
            problems = self._diagnostics(rules.destroy(kind, prior))
            if problems:
                return message("ApplyResourceChangeResponse", new_state=encode(prior), diagnostics=problems)
            self._world.gone(kind, prior)
            return message("ApplyResourceChangeResponse", new_state=encode(None))
        self._world.made(request.planned_private)
        if prior is None:
            time.sleep(block["wait"])
        problems = self._check(kind, decode(request.config), "apply", state)
        if any(problem.severity == _ERROR for problem in problems):
            return message("ApplyResourceChangeResponse", new_state=encode(prior), diagnostics=problems)
        invent.fill(kind, block, state, self._configured())
        self._world.exists(kind, state)
        return message(
            "ApplyResourceChangeResponse", new_state=encode(state), diagnostics=problems, legacy_type_system=True
        )

    def read_data_source(self, request: Any) -> Any:
        """Reads a data source."""
        block = self._blocks[f"data.{request.type_name}"]
        state = sources.read(request.type_name, block, decode(request.config), self._configured(), self._world)
        return message("ReadDataSourceResponse", state=encode(state))

    def open_ephemeral_resource(self, request: Any) -> Any:
        """Opens an ephemeral resource."""
        block = self._blocks[f"ephemeral.{request.type_name}"]
        config = decode(request.config)
        try:
            result = ephemeral.open_resource(request.type_name, block, config, self._configured())
        except ValueError as problem:
            return message("OpenEphemeralResourceResponse", diagnostics=[_diagnostic(str(problem))])
        return message("OpenEphemeralResourceResponse", result=encode(result))

    def renew_ephemeral_resource(self, request: Any) -> Any:
        """Nothing expires."""
        return message("DiagnosticsResponse")

    def close_ephemeral_resource(self, request: Any) -> Any:
        """Nothing is held."""
        return message("DiagnosticsResponse")

    def get_functions(self, request: Any) -> Any:
        """There are none."""
        return message("Empty")

    def get_resource_identity_schemas(self, request: Any) -> Any:
        """There are none."""
        return message("Empty")

    def stop_provider(self, request: Any) -> Any:
        """No operation runs that could be stopped."""
        return message("StopProviderResponse")

    def _configured(self) -> Settings:
        if self._settings is None:
            raise RuntimeError("Terraform asked before it configured the provider")
        return self._settings

    def _check(self, kind: str, config: dict[str, Value], stage: rules.Stage, state: dict[str, Value]) -> list[Any]:
        if stage == "validate":
            # Terraform does not say which resource it means (it would clash with itself), and has mostly not
            # configured the provider yet.
            context = rules.Context(stage, None, World(), self._facts)
        else:
            context = rules.Context(stage, self._settings, self._world, self._facts)
        defaults = {name: state.get(name) for name in self._blocks[kind]["default"] if config.get(name) is None}
        return self._diagnostics(rules.check(kind, {**config, **defaults}, state, context))

    def _diagnostics(self, problems: Iterable[rules.Problem]) -> list[Any]:
        return [_diagnostic(problem.text, problem.detail, problem.path) for problem in problems]


def _diagnostic(summary: str, detail: str = "", path: str = "") -> Any:
    problem = message("Diagnostic", severity=_ERROR, summary=summary, detail=detail)
    if path:
        problem.attribute.CopyFrom(_path(path))
    return problem


def _path(name: str) -> Any:
    # Only the first step of the path: deeper steps need the index in a list or the element of a set.
    return message("AttributePath", steps=[message("Step", attribute_name=name.partition(".")[0])])
