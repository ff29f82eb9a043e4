"""Task definitions of ECS on Fargate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from standin.rules import Context, Problem, Resource, rule

_TASK = "aws_ecs_task_definition"
# CPU units: the memory sizes in MiB that go with them.
_FARGATE = {
    256: [512, 1024, 2048],
    512: range(1024, 4097, 1024),
    1024: range(2048, 8193, 1024),
    2048: range(4096, 16385, 1024),
    4096: range(8192, 30721, 1024),
    8192: range(16384, 61441, 4096),
    16384: range(32768, 122881, 8192),
}
_LOG_DRIVERS = ("awslogs", "splunk", "awsfirelens")
_HEALTH = {"interval": (5, 300), "timeout": (2, 60), "retries": (1, 10), "startPeriod": (0, 300)}
_UNIQUE_ENDS = ("COMPLETE", "SUCCESS")
_IPC = {
    f"kernel.{name}" for name in ("msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced")
}
# The keys of a container that RegisterTaskDefinition knows.
_KEYS = {
    "name",
    "image",
    "repositoryCredentials",
    "cpu",
    "memory",
    "memoryReservation",
    "links",
    "portMappings",
    "essential",
    "restartPolicy",
    "entryPoint",
    "command",
    "environment",
    "environmentFiles",
    "mountPoints",
    "volumesFrom",
    "linuxParameters",
    "secrets",
    "dependsOn",
    "startTimeout",
    "stopTimeout",
    "versionConsistency",
    "hostname",
    "user",
    "workingDirectory",
    "disableNetworking",
    "privileged",
    "readonlyRootFilesystem",
    "dnsServers",
    "dnsSearchDomains",
    "extraHosts",
    "dockerSecurityOptions",
    "interactive",
    "pseudoTerminal",
    "dockerLabels",
    "ulimits",
    "logConfiguration",
    "healthCheck",
    "systemControls",
    "resourceRequirements",
    "firelensConfiguration",
    "credentialSpecs",
}


def _containers(resource: Resource) -> list[dict[str, Any]]:
    found = resource.document("container_definitions")
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _fargate(resource: Resource) -> bool:
    return "FARGATE" in resource.values("requires_compatibilities")


@rule(_TASK)
def task_size(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size"""
    cpu, memory = resource.number("cpu"), resource.number("memory")
    if not _fargate(resource):
        return
    if resource["cpu"] is None or resource["memory"] is None:
        yield Problem("a Fargate task needs cpu and memory of its own", "cpu")
    if cpu is None or memory is None:
        return
    if cpu not in _FARGATE:
        yield Problem(f"Fargate has no task of {cpu:g} CPU units, only {list(_FARGATE)}", "cpu")
    elif memory not in _FARGATE[int(cpu)]:
        sizes = _FARGATE[int(cpu)]
        yield Problem(
            f"Fargate gives {cpu:g} CPU units {sizes[0]} to {sizes[-1]} MiB in steps, not {memory:g}", "memory"
        )


@rule(_TASK)
def network_mode(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#network_mode"""
    mode = resource["network_mode"]
    if _fargate(resource) and (mode is None or (isinstance(mode, str) and mode != "awsvpc")):
        yield Problem(f"Fargate needs network_mode awsvpc, not {mode}", "network_mode")


@rule(_TASK)
def definitions(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html"""
    text = resource.text("container_definitions")
    if text is None:
        return
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        yield Problem(f"ECS Task Definition container_definitions is invalid: {error}", "container_definitions")
        return
    if not isinstance(found, list) or not found:
        yield Problem("container_definitions is a list of at least one container", "container_definitions")
        return
    names = [container.get("name") for container in found]
    for name in {name for name in names if names.count(name) > 1}:
        yield Problem(f"two containers are called {name}", "container_definitions")
    if not any(container.get("essential", True) for container in found):
        yield Problem("at least one container must be essential", "container_definitions")
    for container in found:
        for problem in _faults(container, resource):
            yield Problem(f"container {container.get('name')}: {problem}", "container_definitions")


def _faults(container: dict[str, Any], resource: Resource) -> Iterator[str]:
    for key in ("name", "image"):
        if not container.get(key):
            yield f"{key} is missing"
    if unknown := set(container) - _KEYS:
        yield f"unknown keys {sorted(unknown)}"
    for variable in container.get("environment") or []:
        if not isinstance(variable.get("value"), str):
            yield f"the value of {variable.get('name')} in environment must be a string"
    names = [item.get("name") for kind in ("environment", "secrets") for item in container.get(kind) or []]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{name} is given twice in environment and secrets"
    for secret in container.get("secrets") or []:
        if not str(secret.get("valueFrom", "")).startswith(("arn:aws:secretsmanager:", "arn:aws:ssm:", "/")):
            yield f"the secret {secret.get('name')} is not from Secrets Manager or Parameter Store"
    for port in container.get("portMappings") or []:
        inside, outside = port.get("containerPort"), port.get("hostPort")
        if resource["network_mode"] == "awsvpc" and outside not in (None, 0, inside):
            yield f"with network_mode awsvpc the host port is the container port {inside}, not {outside}"
        if not 1 <= (inside or 0) <= 65535:
            yield f"container port {inside} is out of range"


@rule(_TASK)
def stop_timeout(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html"""
    for container in _containers(resource):
        wait = container.get("stopTimeout")
        if _fargate(resource) and wait is not None and not 2 <= wait <= 120:
            yield Problem(
                f"container {container.get('name')}: stopTimeout is 2 to 120 s on Fargate, not {wait}",
                "container_definitions",
            )


@rule(_TASK)
def health_checks(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html"""
    for container in _containers(resource):
        check = container.get("healthCheck") or {}
        for key, (low, high) in _HEALTH.items():
            if key in check and not low <= check[key] <= high:
                yield Problem(
                    f"container {container.get('name')}: healthCheck.{key} is {low} to {high}, not {check[key]}",
                    "container_definitions",
                )
        if check and (not check.get("command") or check["command"][0] not in ("CMD", "CMD-SHELL", "NONE")):
            yield Problem(
                f"container {container.get('name')}: a health check begins with CMD or CMD-SHELL",
                "container_definitions",
            )


@rule(_TASK)
def system_controls(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_SystemControl.html"""
    for container in _containers(resource):
        for control in container.get("systemControls") or []:
            name, value = control.get("namespace"), control.get("value")
            if not isinstance(name, str) or not isinstance(value, str):
                yield Problem(
                    f"container {container.get('name')}: systemControls are pairs of strings", "container_definitions"
                )
            elif _fargate(resource) and not name.startswith(("net.", "fs.mqueue.")) and name not in _IPC:
                yield Problem(
                    f"container {container.get('name')}: Fargate does not let {name} be set", "container_definitions"
                )


@rule(_TASK)
def dependencies(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html"""
    containers = {container.get("name"): container for container in _containers(resource)}
    for name, container in containers.items():
        for dependency in container.get("dependsOn") or []:
            other, condition = dependency.get("containerName"), dependency.get("condition")
            if other not in containers or other == name:
                yield Problem(
                    f"container {name} depends on {other}, which the task does not have", "container_definitions"
                )
            elif condition in _UNIQUE_ENDS and containers[other].get("essential", True):
                yield Problem(
                    f"container {name} waits for the end of {other}, which must not be essential",
                    "container_definitions",
                )
            elif condition == "HEALTHY" and not containers[other].get("healthCheck"):
                yield Problem(
                    f"container {name} waits for the health of {other}, which has no health check",
                    "container_definitions",
                )


@rule(_TASK)
def logs(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LogConfiguration.html"""
    for container in _containers(resource):
        name, log = container.get("name"), container.get("logConfiguration") or {}
        driver = log.get("logDriver")
        if not driver or not _fargate(resource):
            continue
        if driver not in _LOG_DRIVERS:
            yield Problem(
                f"container {name}: Fargate has the log drivers {', '.join(_LOG_DRIVERS)}, not {driver}",
                "container_definitions",
            )
        if driver == "awslogs":
            for option in ("awslogs-group", "awslogs-region", "awslogs-stream-prefix"):
                if not (log.get("options") or {}).get(option):
                    yield Problem(
                        f"container {name}: awslogs on Fargate needs the option {option}", "container_definitions"
                    )


@rule(_TASK)
def execution_role(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html"""
    if resource["execution_role_arn"] is not None or not _fargate(resource):
        return
    for container in _containers(resource):
        log = container.get("logConfiguration") or {}
        if log.get("logDriver") == "awslogs" or container.get("secrets") or ".dkr.ecr." in str(container.get("image")):
            yield Problem(
                f"container {container.get('name')}: logs, secrets and images of ECR need an execution role",
                "execution_role_arn",
            )


@rule(_TASK)
def memory(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html"""
    for argument in ("memory", "cpu"):
        total = resource.number(argument)
        asked = sum(container.get(argument) or 0 for container in _containers(resource))
        if total is not None and asked > total:
            yield Problem(f"the containers' {argument} together is {asked:g}, more than the task's {total:g}", argument)


@rule(_TASK)
def mounts(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_MountPoint.html"""
    volumes = [volume.get("name") for volume in resource.blocks("volume")]
    if not all(isinstance(name, str) for name in volumes) or repr(resource["volume"]) == "UNKNOWN":
        return
    for container in _containers(resource):
        for mount in container.get("mountPoints") or []:
            if mount.get("sourceVolume") not in volumes:
                yield Problem(
                    f"container {container.get('name')} mounts {mount.get('sourceVolume')}, which is not a "
                    f"volume of the task",
                    "container_definitions",
                )
    for name in {name for name in volumes if volumes.count(name) > 1}:
        yield Problem(f"two volumes are called {name}", "volume")


@rule(_TASK)
def efs_volumes(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_EFSVolumeConfiguration.html"""
    for volume in resource.blocks("volume.efs_volume_configuration"):
        authorization: dict[str, Any] = next(iter(volume.get("authorization_config") or []), {})
        encrypted = volume.get("transit_encryption")
        if authorization.get("access_point_id") is not None and volume.get("root_directory") not in (None, "", "/"):
            yield Problem(
                f"an access point and the root directory {volume['root_directory']} exclude each other", "volume"
            )
        uses = authorization.get("access_point_id") is not None or authorization.get("iam") == "ENABLED"
        if uses and encrypted in (None, "DISABLED"):
            yield Problem("an access point or IAM needs transit_encryption ENABLED", "volume")
