# Only settings that differ from the defaults of RDS, or that Airflow or this design depends on.

locals {
  parameters = {
    # Passwords and connections cross the network, so the server refuses clients without TLS.
    require_secure_transport = "1"

    # The character set with which `init-db-users` creates the schema, as in Airflow's documentation. Airflow itself sets
    # utf8mb3_bin for its columns with ids: with four bytes a character, their indexes would exceed InnoDB's limit.
    character_set_server = "utf8mb4"
    collation_server     = "utf8mb4_unicode_ci"

    # Airflow needs it: otherwise MySQL sets the first timestamp of a row automatically.
    explicit_defaults_for_timestamp = "1"

    # Airflow sets it on its own connections. With MySQL's default REPEATABLE-READ, schedulers lock gaps between rows
    # and block each other.
    transaction_isolation = "READ-COMMITTED"

    # MySQL counts the connections of a killed container against the limit for this long; the default is 8 hours.
    # Airflow itself replaces connections after 30 minutes.
    wait_timeout = "3600"

    # Deadlocks are a frequent question; without this setting, MySQL shows only the last one.
    innodb_print_all_deadlocks = "1"

    # RDS sends logs to CloudWatch only from files.
    log_output      = "FILE"
    slow_query_log  = "1"
    long_query_time = tostring(var.slow_query_s)

    time_zone = var.timezone
  }

  # MySQL reads it only when it starts. A new instance starts with it, before Airflow creates its tables.
  static = ["explicit_defaults_for_timestamp"]
}

resource "aws_db_parameter_group" "this" {
  name        = "${local.identifier}-mysql8-4"
  family      = "mysql8.4"
  description = "MySQL as Airflow needs it"

  dynamic "parameter" {
    for_each = local.parameters

    content {
      name         = parameter.key
      value        = parameter.value
      apply_method = contains(local.static, parameter.key) ? "pending-reboot" : "immediate"
    }
  }

  # A group cannot be deleted while an instance uses it.
  lifecycle {
    create_before_destroy = true
  }
}
