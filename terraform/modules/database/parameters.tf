# Only what Airflow or this design needs to be other than RDS has it, or relies on.

locals {
  parameters = {
    # Passwords and connections cross the network: no client without TLS.
    require_secure_transport = "1"

    # What `prepare` makes the schema with, and Airflow's documentation too. Airflow gives its columns with ids
    # utf8mb3_bin itself, because in four bytes a character their indexes are longer than InnoDB allows.
    character_set_server = "utf8mb4"
    collation_server     = "utf8mb4_unicode_ci"

    # Airflow needs it: without it MySQL fills the first timestamp of a row by itself.
    explicit_defaults_for_timestamp = "1"

    # Airflow asks for it on its own connections. Under MySQL's REPEATABLE-READ schedulers lock gaps between rows, and
    # block each other.
    transaction_isolation = "READ-COMMITTED"

    # The connections of a container that was killed count against the limit until then; MySQL waits for 8 hours.
    # Airflow itself replaces connections after 30 minutes.
    wait_timeout = "3600"

    # Deadlocks are what people look for most; MySQL shows only the last one unless it writes them to the error log.
    innodb_print_all_deadlocks = "1"

    # RDS sends logs to CloudWatch only from files.
    log_output      = "FILE"
    slow_query_log  = "1"
    long_query_time = tostring(var.slow_query_s)

    time_zone = var.timezone
  }

  # Read only when the server starts. It has just started when this matters.
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
