"""A configuration that was read, and all that belongs to it."""

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
from tradewind.environments.interface import Environment
from tradewind.environments.on_aws import AwsEnvironment
from tradewind.environments.on_this_machine import LocalEnvironment
from tradewind.environments.outside import Outside
from tradewind.infrastructure.deploy import Deployer
from tradewind.infrastructure.target_account import target_account
from tradewind.local.paths import Home


@dataclass(frozen=True)
class Project:
    """A ``tradewind.yaml``, read once for a command; AWS is asked once who calls, where it is asked at all.

    Args:
        file: the configuration.
        outside: AWS, Terraform and the clock.
    """

    file: Path
    outside: Outside = field(default_factory=Outside)

    @cached_property
    def tradewind(self) -> Tradewind:
        """What it says. ConfigError where something is wrong with it."""
        return config.load(self.file)

    @property
    def folder(self) -> Path:
        """The folder of the configuration, from which its relative paths count."""
        return self.file.parent

    @property
    def fingerprint(self) -> str:
        """``sha256:`` and the hash of what it says, whatever its comments and its order."""
        said = json.dumps(self.tradewind.model_dump(mode="json"), sort_keys=True)
        return "sha256:" + hashlib.sha256(said.encode()).hexdigest()

    @property
    def commit(self) -> str:
        """The commit of the configuration; see ``dags.source.commit_of``."""
        return self.outside.commit_of(self.file)

    @cached_property
    def home(self) -> Home:
        """The folder ``.tradewind`` beside it: what this machine runs, and what commands keep."""
        return Home.beside(self.file)

    @cached_property
    def accounts(self) -> Accounts:
        """The accounts that the caller reaches."""
        return Accounts(self.outside.cloud(self.tradewind.region))

    def environment(self, name: str) -> Environment:
        """The environment of that name, or this machine. TradewindError, with the nearest name, where there is none."""
        return self.here() if name == LOCAL else self.on_aws(name)

    def here(self) -> LocalEnvironment:
        """This machine."""
        found = self.tradewind.local_environment
        return LocalEnvironment(LOCAL, found, self._dags(found), self.home, self.outside)

    def on_aws(self, name: str) -> AwsEnvironment:
        """An environment of the configuration. TradewindError, with the nearest name, where there is none."""
        found = self.tradewind.environment(name)
        account = target_account(self.tradewind, found.account)
        return AwsEnvironment(name, found, self._dags(found), account, self.accounts, self.home.root, self.outside)

    def account(self, name: str) -> Cloud:
        """AWS as seen from an account of the configuration. TradewindError where the caller may not be there."""
        return self.accounts.enter(target_account(self.tradewind, name), f"{name} (account)").cloud

    def deployer(self) -> Deployer:
        """What plans and applies its stacks."""
        return Deployer(self.home.root, self.accounts, self.outside.terraform)

    def _dags(self, environment: config.Environment) -> Path:
        return self.folder / (self.tradewind.local.dags or environment.dags.path)
