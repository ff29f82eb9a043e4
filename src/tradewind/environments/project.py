"""A loaded configuration, and the objects that depend on it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tradewind import config
from tradewind.aws.accounts import Accounts
from tradewind.aws.cloud import Cloud
from tradewind.config import Tradewind
from tradewind.environments import LOCAL
from tradewind.environments.external import ExternalDependencies
from tradewind.environments.interface import Environment
from tradewind.environments.on_aws import AwsEnvironment
from tradewind.environments.on_this_machine import LocalEnvironment
from tradewind.infrastructure.deploy import Deployer
from tradewind.infrastructure.target_account import target_account
from tradewind.local.paths import StateDirectory


@dataclass(frozen=True)
class Project:
    """A ``tradewind.yaml``, read once for each command. A command that needs AWS queries the caller's identity once.

    Args:
        file: the configuration.
        outside: AWS, Terraform and the clock.
    """

    file: Path
    outside: ExternalDependencies = field(default_factory=ExternalDependencies)

    @cached_property
    def tradewind(self) -> Tradewind:
        """Its content. Raises ConfigError if the file has mistakes."""
        return config.load(self.file)

    @property
    def folder(self) -> Path:
        """The folder of the configuration. Relative paths in the configuration start here."""
        return self.file.parent

    @property
    def fingerprint(self) -> str:
        """``sha256:`` and the hash of its settings. Comments and the order of keys do not matter."""
        said = json.dumps(self.tradewind.model_dump(mode="json"), sort_keys=True)
        return "sha256:" + hashlib.sha256(said.encode()).hexdigest()

    @property
    def commit(self) -> str:
        """The commit of the configuration; see ``dags.source.commit_of``."""
        return self.outside.commit_of(self.file)

    @cached_property
    def state_dir(self) -> StateDirectory:
        """The state directory, ``.tradewind``, beside it: the platform of this machine, and the files of commands."""
        return StateDirectory.beside(self.file)

    @cached_property
    def accounts(self) -> Accounts:
        """The AWS accounts that the caller can enter."""
        return Accounts(self.outside.cloud(self.tradewind.region))

    def environment(self, name: str) -> Environment:
        """Return the environment of that name. Raises TradewindError, with the nearest name, if there is none."""
        return self.here() if name == LOCAL else self.on_aws(name)

    def here(self) -> LocalEnvironment:
        """Return the environment on this machine."""
        found = self.tradewind.local_environment
        return LocalEnvironment(LOCAL, found, self._dags(found), self.state_dir, self.outside)

    def on_aws(self, name: str) -> AwsEnvironment:
        """Return an environment on AWS. Raises TradewindError, with the nearest name, if there is none of that name."""
        found = self.tradewind.environment(name)
        account = target_account(self.tradewind, found.account)
        return AwsEnvironment(name, found, self._dags(found), account, self.accounts, self.state_dir.root, self.outside)

    def account(self, name: str) -> Cloud:
        """Return AWS, as seen from an account of the configuration. TradewindError if the caller may not enter it."""
        return self.accounts.enter(target_account(self.tradewind, name), f"{name} (account)").cloud

    def deployer(self) -> Deployer:
        """Return the deployer, which plans and applies its stacks."""
        return Deployer(self.state_dir.root, self.accounts, self.outside.terraform)

    def _dags(self, environment: config.Environment) -> Path:
        return self.folder / (self.tradewind.local.dags or environment.dags.path)
