"""RDS for MySQL."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standin.rules import Context, Problem, Resource, rule
from standin.values import UNKNOWN

_DATABASE = "aws_db_instance"
_MINUTES_A_DAY = 24 * 60
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# The major versions of MySQL that RDS creates, and the first minor version that counts patch numbers.
_VERSIONS = r"8\.(0|4)(\.\d{1,2})?"
_CLASSES = re.compile(
    r"db\.(t3|t4g|m5d?|m6g|m6gd|m6i|m6id|m6in|m6idn|m7g|m7i|m8g|m8gd|r5b?|r5d|r6g|r6gd|r6i|r6id|r6in|r6idn|r7g|r7i|"
    r"r8g|r8gd|x1e|x2g|x2gd|x2idn|x2iedn|z1d|c6gd)\.(micro|small|medium|large|xlarge|\d{1,2}xlarge|metal)"
)
_NO_INSIGHTS = re.compile(r"db\.t[234]g?\.(micro|small)")
# Variables that MySQL 8.4 no longer has.
_REMOVED = {
    "default_authentication_plugin",
    "expire_logs_days",
    "have_openssl",
    "have_ssl",
    "log_bin_use_v1_row_events",
    "master_info_repository",
    "relay_log_info_repository",
    "slave_rows_search_algorithms",
    "avoid_temporal_upgrade",
    "show_old_temporals",
    "binlog_transaction_dependency_tracking",
    "transaction_write_set_extraction",
    "group_replication_ip_whitelist",
    "new",
    "old",
    "query_cache_size",
    "query_cache_type",
    "tx_isolation",
    "innodb_locks_unsafe_for_binlog",
    "log_warnings",
    "sync_frm",
    "innodb_file_format",
    "innodb_large_prefix",
}
# Variables of MySQL 8.4 that a parameter group can set. A name that belongs here and is missing is refused: add it.
_KNOWN = {
    "authentication_policy",
    "autocommit",
    "back_log",
    "binlog_cache_size",
    "binlog_expire_logs_seconds",
    "binlog_format",
    "binlog_row_image",
    "character_set_client",
    "character_set_connection",
    "character_set_database",
    "character_set_filesystem",
    "character_set_results",
    "character_set_server",
    "collation_connection",
    "collation_server",
    "connect_timeout",
    "default_storage_engine",
    "default_time_zone",
    "event_scheduler",
    "explicit_defaults_for_timestamp",
    "general_log",
    "group_concat_max_len",
    "gtid-mode",
    "enforce_gtid_consistency",
    "init_connect",
    "innodb_adaptive_hash_index",
    "innodb_autoinc_lock_mode",
    "innodb_buffer_pool_size",
    "innodb_deadlock_detect",
    "innodb_dedicated_server",
    "innodb_flush_log_at_trx_commit",
    "innodb_io_capacity",
    "innodb_io_capacity_max",
    "innodb_lock_wait_timeout",
    "innodb_log_buffer_size",
    "innodb_monitor_enable",
    "innodb_print_all_deadlocks",
    "innodb_purge_threads",
    "innodb_read_io_threads",
    "innodb_redo_log_capacity",
    "innodb_rollback_on_timeout",
    "innodb_sort_buffer_size",
    "innodb_stats_persistent",
    "innodb_thread_concurrency",
    "innodb_write_io_threads",
    "interactive_timeout",
    "join_buffer_size",
    "local_infile",
    "log_bin_trust_function_creators",
    "log_error_suppression_list",
    "log_error_verbosity",
    "log_output",
    "log_queries_not_using_indexes",
    "log_slow_admin_statements",
    "log_slow_extra",
    "long_query_time",
    "lower_case_table_names",
    "max_allowed_packet",
    "max_connect_errors",
    "max_connections",
    "max_execution_time",
    "max_heap_table_size",
    "max_user_connections",
    "mysql_native_password",
    "min_examined_row_limit",
    "net_read_timeout",
    "net_write_timeout",
    "optimizer_switch",
    "performance_schema",
    "read_buffer_size",
    "read_rnd_buffer_size",
    "require_secure_transport",
    "skip_name_resolve",
    "slow_query_log",
    "sort_buffer_size",
    "sql_mode",
    "ssl_cipher",
    "sync_binlog",
    "table_definition_cache",
    "table_open_cache",
    "thread_cache_size",
    "thread_stack",
    "time_zone",
    "tls_version",
    "tmp_table_size",
    "transaction_isolation",
    "wait_timeout",
}
# Read only when the server starts.
_STATIC = {
    "explicit_defaults_for_timestamp",
    "innodb_dedicated_server",
    "lower_case_table_names",
    "performance_schema",
    "back_log",
    "innodb_autoinc_lock_mode",
    "innodb_purge_threads",
    "innodb_read_io_threads",
    "innodb_rollback_on_timeout",
    "innodb_sort_buffer_size",
    "innodb_write_io_threads",
    "skip_name_resolve",
    "thread_stack",
    "gtid-mode",
    "enforce_gtid_consistency",
}


def _mysql(resource: Resource) -> bool:
    return resource.text("engine") == "mysql"


@rule(_DATABASE)
def storage(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html#gp3-storage"""
    size, most = resource.number("allocated_storage"), resource.number("max_allocated_storage")
    if size is None or not _mysql(resource):
        return
    if not 20 <= size <= 65536:
        yield Problem(
            f"Invalid storage size for engine name mysql: {size:g} GiB is not within 20 to 65536", "allocated_storage"
        )
    for argument in ("iops", "storage_throughput"):
        if resource["storage_type"] == "gp3" and size < 400 and resource.config.get(argument) is not None:
            yield Problem(f"You can't specify {argument} for engine mysql and a storage size less than 400", argument)
    if most is not None and 0 < most <= size:
        yield Problem(
            f"Max storage size must be greater than storage size: {most:g} is not above {size:g}",
            "max_allocated_storage",
        )


@rule(_DATABASE)
def engine(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/MySQL.Concepts.VersionMgmt.html"""
    version = resource.text("engine_version")
    if _mysql(resource) and version and not re.fullmatch(_VERSIONS, version):
        yield Problem(f"Cannot find version {version} for mysql", "engine_version")


@rule(_DATABASE)
def instance_class(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Support.html"""
    name = resource.text("instance_class")
    if _mysql(resource) and name and not _CLASSES.fullmatch(name):
        yield Problem(
            f"RDS does not support creating a DB instance with DBInstanceClass={name}, Engine=mysql", "instance_class"
        )
    if name and resource["performance_insights_enabled"] is True and _mysql(resource) and _NO_INSIGHTS.fullmatch(name):
        yield Problem(
            f"Performance Insights not supported for this configuration: {name}", "performance_insights_enabled"
        )


@rule(_DATABASE)
def windows(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html"""
    backup, maintenance = resource.text("backup_window"), resource.text("maintenance_window")
    daily = _daily(backup) if backup else None
    weekly = _weekly(maintenance) if maintenance else None
    for text, minutes, argument in ((backup, daily, "backup_window"), (maintenance, weekly, "maintenance_window")):
        if text and minutes is None:
            yield Problem(f"{argument} {text} is not of the form of AWS's windows", argument)
        elif minutes is not None and len(minutes) < 30:
            yield Problem(f"{argument} {text} is shorter than 30 minutes", argument)
    if daily and weekly and daily & {minute % _MINUTES_A_DAY for minute in weekly}:
        yield Problem(
            f"The backup window {backup} and maintenance window {maintenance} must not overlap", "maintenance_window"
        )


def _daily(text: str) -> set[int] | None:
    times = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", text)
    if not times:
        return None
    hours, minutes, last_hours, last_minutes = map(int, times.groups())
    return _span(hours * 60 + minutes, last_hours * 60 + last_minutes, _MINUTES_A_DAY)


def _weekly(text: str) -> set[int] | None:
    day = "|".join(_WEEKDAYS)
    times = re.fullmatch(rf"({day}):([01]\d|2[0-3]):([0-5]\d)-({day}):([01]\d|2[0-3]):([0-5]\d)", text.lower())
    if not times:
        return None
    first = _WEEKDAYS.index(times[1]) * _MINUTES_A_DAY + int(times[2]) * 60 + int(times[3])
    last = _WEEKDAYS.index(times[4]) * _MINUTES_A_DAY + int(times[5]) * 60 + int(times[6])
    return _span(first, last, 7 * _MINUTES_A_DAY)


def _span(first: int, last: int, around: int) -> set[int]:
    return {(first + minute) % around for minute in range((last - first) % around)}


@rule(_DATABASE)
def password(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html"""
    for argument in ("password", "password_wo"):
        text = resource.text(argument)
        if text is None:
            continue
        if not 8 <= len(text) <= 41:
            yield Problem(f"{argument}: a master password of MySQL has 8 to 41 characters", argument)
        if set(text) & set('/@" '):
            yield Problem(
                "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters "
                "besides '/', '@', '\"', ' ' may be used.",
                argument,
            )


@rule(_DATABASE)
def monitoring(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html"""
    if resource.number("monitoring_interval") and resource["monitoring_role_arn"] is None:
        yield Problem(
            "A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.",
            "monitoring_interval",
        )


@rule(_DATABASE)
def final_snapshot(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://github.com/hashicorp/terraform-provider-aws/issues/769"""
    if resource["skip_final_snapshot"] in (None, False) and resource["final_snapshot_identifier"] is None:
        yield Problem(
            "final_snapshot_identifier is required when skip_final_snapshot is false", "final_snapshot_identifier"
        )


@rule(_DATABASE)
def family(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithParamGroups.html"""
    version = resource.text("engine_version")
    group = context.world.find("aws_db_parameter_group", name=resource["parameter_group_name"])
    if not version or not group or group["family"] is UNKNOWN:
        return
    wanted = f"{resource['engine']}{'.'.join(version.split('.')[:2])}"
    if group["family"] != wanted:
        yield Problem(
            f"The parameter group {group['name']} with DBParameterGroupFamily {group['family']} cannot be used "
            f"for this instance. Please use a parameter group with {wanted}",
            "parameter_group_name",
        )


@rule("aws_db_parameter_group")
def parameters(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://dev.mysql.com/doc/refman/8.4/en/added-deprecated-removed.html"""
    if resource["family"] != "mysql8.4":
        return
    for block in resource.blocks("parameter"):
        name = block.get("name")
        if name in _REMOVED or (isinstance(name, str) and name not in _KNOWN):
            why = "MySQL 8.4 has it no more" if name in _REMOVED else "it is not in the stand-in's list"
            yield Problem(f"Could not find parameter with name: {name} ({why})", "parameter")
        if name in _STATIC and block.get("apply_method") in (None, "immediate"):
            yield Problem(f"cannot use immediate apply method for static parameter {name}", "parameter")


@rule("aws_db_subnet_group")
def zones(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html"""
    subnets = resource["subnet_ids"]
    if not isinstance(subnets, list):
        return
    found = [context.world.find("aws_subnet", id=subnet) for subnet in subnets if isinstance(subnet, str)]
    names = {subnet["availability_zone"] if subnet else None for subnet in found}
    all_known = len(found) == len(subnets) and all(found) and UNKNOWN not in names
    if len(subnets) < 2 or (all_known and len(names) < 2):
        yield Problem(
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: "
            f"{', '.join(sorted(str(name) for name in names))}. Add subnets to cover at least 2 AZs.",
            "subnet_ids",
        )
