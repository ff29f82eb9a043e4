mock_provider "aws" {
  # AWS checks that this value is an ARN.
  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::111122223333:role/acme-dev/acme-dev-database-monitoring"
    }
  }

  mock_resource "aws_db_instance" {
    defaults = {
      # Values that RDS sets if none is given. The module sets none of them.
      iops                = 4711
      storage_throughput  = 4712
      db_name             = "left-to-prepare"
      snapshot_identifier = "none"

      master_user_secret = [{
        kms_key_id    = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
        secret_arn    = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:rds!db-1"
        secret_status = "active"
      }]
    }
  }
}

variables {
  name           = "acme-dev"
  account_id     = "111122223333"
  vpc_id         = "vpc-1"
  subnet_ids     = ["subnet-1", "subnet-2"]
  kms_key_arn    = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
  instance_class = "db.r7g.large"
  storage_gb     = 50
  multi_az       = false
  backup_days    = 7
}

run "encrypted_and_private" {
  assert {
    condition     = aws_db_instance.this.storage_encrypted && aws_db_instance.this.kms_key_id == var.kms_key_arn
    error_message = "Storage must be encrypted with the given key."
  }

  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.master_user_secret_kms_key_id == var.kms_key_arn
    error_message = "RDS must manage the administrator's password, encrypted with the given key."
  }

  assert {
    condition     = aws_db_instance.this.password == null && aws_db_instance.this.password_wo_version == null && output.master_secret_arn == "arn:aws:secretsmanager:eu-west-1:111122223333:secret:rds!db-1"
    error_message = "The state may have no password; the output must be the ARN of RDS's own secret."
  }

  assert {
    condition     = !aws_db_instance.this.publicly_accessible && aws_db_instance.this.vpc_security_group_ids == toset([aws_security_group.this.id])
    error_message = "The database must be reachable through its own security group only."
  }

  assert {
    condition     = length(aws_security_group.this.ingress) == 0 && length(aws_security_group.this.egress) == 0 && aws_security_group.this.vpc_id == "vpc-1"
    error_message = "The security group must have no rules of its own."
  }

  assert {
    condition     = aws_db_instance.this.db_subnet_group_name == aws_db_subnet_group.this.name && aws_db_subnet_group.this.subnet_ids == toset(["subnet-1", "subnet-2"])
    error_message = "The database must be in the data tier."
  }

  assert {
    condition     = !aws_db_instance.this.iam_database_authentication_enabled && aws_db_instance.this.ca_cert_identifier == "rds-ca-rsa2048-g1"
    error_message = "Logins and the certificate must be as clients expect."
  }
}

run "nothing_is_lost_by_mistake" {
  assert {
    condition     = aws_db_instance.this.deletion_protection
    error_message = "Deletion protection must be on by default."
  }

  assert {
    condition     = !aws_db_instance.this.skip_final_snapshot && aws_db_instance.this.final_snapshot_identifier == "acme-dev-database-final"
    error_message = "There must always be a final snapshot, with a known name."
  }

  assert {
    condition     = aws_db_instance.this.backup_retention_period == 7 && !aws_db_instance.this.delete_automated_backups && aws_db_instance.this.copy_tags_to_snapshot
    error_message = "Backups must be kept for the given time, outlive the instance and carry its tags."
  }

  assert {
    condition     = !aws_db_instance.this.apply_immediately && !aws_db_instance.this.allow_major_version_upgrade && aws_db_instance.this.auto_minor_version_upgrade
    error_message = "Restarts must wait for the maintenance window; minor versions must update automatically, major versions must not."
  }

  assert {
    condition     = aws_db_instance.this.snapshot_identifier == "none" && aws_db_instance.this.db_name == "left-to-prepare"
    error_message = "A new database must be empty, without even a schema."
  }
}

run "storage" {
  assert {
    condition     = aws_db_instance.this.engine == "mysql" && aws_db_instance.this.engine_version == "8.4" && aws_db_instance.this.identifier == "acme-dev-database"
    error_message = "It must be MySQL 8.4 under the environment's name."
  }

  assert {
    condition     = aws_db_instance.this.storage_type == "gp3" && aws_db_instance.this.allocated_storage == 50 && aws_db_instance.this.max_allocated_storage == null
    error_message = "Storage must be gp3, of the given size, and must not grow by default."
  }

  assert {
    condition     = aws_db_instance.this.iops == 4711 && aws_db_instance.this.storage_throughput == 4712
    error_message = "RDS refuses any number of IOPS for gp3 below 400 GiB, so the module must give none."
  }
}

run "storage_that_grows" {
  variables {
    storage_gb     = 500
    max_storage_gb = 550
  }

  assert {
    condition     = aws_db_instance.this.allocated_storage == 500 && aws_db_instance.this.max_allocated_storage == 550
    error_message = "Storage must grow up to the given size."
  }
}

run "settings_for_airflow" {
  command = plan

  assert {
    condition     = aws_db_parameter_group.this.family == "mysql8.4"
    error_message = "The family must be that of the engine version."
  }

  assert {
    condition = { for parameter in aws_db_parameter_group.this.parameter : parameter.name => parameter.value } == {
      require_secure_transport        = "1"
      character_set_server            = "utf8mb4"
      collation_server                = "utf8mb4_unicode_ci"
      explicit_defaults_for_timestamp = "1"
      transaction_isolation           = "READ-COMMITTED"
      wait_timeout                    = "3600"
      innodb_print_all_deadlocks      = "1"
      log_output                      = "FILE"
      slow_query_log                  = "1"
      long_query_time                 = "2"
      time_zone                       = "UTC"
    }
    error_message = "The settings must be those that have a reason."
  }

  assert {
    condition     = [for parameter in aws_db_parameter_group.this.parameter : parameter.name if parameter.apply_method == "pending-reboot"] == ["explicit_defaults_for_timestamp"]
    error_message = "RDS refuses to change a static parameter at once."
  }
}

run "the_instance_uses_its_settings" {
  assert {
    condition     = aws_db_instance.this.parameter_group_name == aws_db_parameter_group.this.name
    error_message = "The instance must use the parameter group."
  }
}

run "a_standby_and_other_choices" {
  command = plan

  variables {
    name                = "acme-prod"
    multi_az            = true
    backup_days         = 35
    deletion_protection = false
    apply_immediately   = true
    slow_query_s        = 0.5
    timezone            = "Europe/Berlin"
    engine_version      = "8.4.6"
    ca_cert_identifier  = "rds-ca-ecc384-g1"
  }

  assert {
    condition = (
      aws_db_instance.this.multi_az
      && aws_db_instance.this.backup_retention_period == 35
      && aws_db_instance.this.deletion_protection == false
      && aws_db_instance.this.apply_immediately
      && aws_db_instance.this.engine_version == "8.4.6"
      && aws_db_instance.this.ca_cert_identifier == "rds-ca-ecc384-g1"
    )
    error_message = "The inputs must reach the instance."
  }

  assert {
    condition     = length([for parameter in aws_db_parameter_group.this.parameter : parameter if contains(["long_query_time 0.5", "time_zone Europe/Berlin"], "${parameter.name} ${parameter.value}")]) == 2
    error_message = "The inputs must reach the settings."
  }
}

run "logs" {
  assert {
    condition     = aws_db_instance.this.enabled_cloudwatch_logs_exports == toset(["error", "slowquery"])
    error_message = "Errors and slow queries must reach CloudWatch."
  }

  assert {
    condition = alltrue([
      for kind, group in aws_cloudwatch_log_group.this :
      group.name == "/aws/rds/instance/${aws_db_instance.this.identifier}/${kind}" && group.kms_key_id == var.kms_key_arn && group.retention_in_days == 30
    ])
    error_message = "The log groups must be those that RDS writes to, encrypted, with a limited retention."
  }
}

run "monitoring" {
  assert {
    condition = (
      aws_db_instance.this.monitoring_interval == 60
      && aws_db_instance.this.monitoring_role_arn == aws_iam_role.monitoring[0].arn
      && aws_iam_role_policy_attachment.monitoring[0].role == aws_iam_role.monitoring[0].name
      && aws_iam_role_policy_attachment.monitoring[0].policy_arn == "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
    )
    error_message = "RDS must be able to write its metrics, and nothing else."
  }

  assert {
    condition = (
      jsondecode(aws_iam_role.monitoring[0].assume_role_policy).Statement[0].Principal == { Service = "monitoring.rds.amazonaws.com" }
      && jsondecode(aws_iam_role.monitoring[0].assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "111122223333"
    )
    error_message = "Only RDS may assume the role, for this account's databases."
  }

  assert {
    condition     = aws_db_instance.this.performance_insights_enabled && aws_db_instance.this.performance_insights_kms_key_id == var.kms_key_arn && aws_db_instance.this.performance_insights_retention_period == 7
    error_message = "Insights must be on, encrypted, for the week that is free of charge."
  }

  assert {
    condition     = aws_db_instance.this.database_insights_mode == "standard"
    error_message = "The mode that AWS charges for by the vCPU must not be the default."
  }
}

run "less_monitoring" {
  command = plan

  variables {
    name                     = "acme-small"
    instance_class           = "db.t4g.small"
    monitoring_interval_s    = 0
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
  }

  assert {
    condition     = !aws_db_instance.this.performance_insights_enabled
    error_message = "RDS refuses insights for small classes."
  }

  assert {
    condition     = length(aws_iam_role.monitoring) + length(aws_iam_role_policy_attachment.monitoring) == 0
    error_message = "Without metrics of the operating system there must be no role."
  }
}

run "insights_on_the_smallest_class_that_has_them" {
  command = plan

  variables {
    name                     = "acme-medium"
    instance_class           = "db.t4g.medium"
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
  }

  assert {
    condition     = aws_db_instance.this.performance_insights_enabled && aws_iam_role.monitoring[0].permissions_boundary == "arn:aws:iam::111122223333:policy/boundary"
    error_message = "Insights must be on if the class supports them, and the role must have the boundary."
  }
}

run "no_insights" {
  command = plan

  variables {
    name                 = "acme-blind"
    performance_insights = false
  }

  assert {
    condition     = !aws_db_instance.this.performance_insights_enabled
    error_message = "Insights must be optional."
  }
}

run "windows_around_midnight" {
  command = plan

  variables {
    backup_window      = "23:30-00:30"
    maintenance_window = "sat:00:30-sat:01:30"
  }

  assert {
    condition     = aws_db_instance.this.backup_window == "23:30-00:30" && aws_db_instance.this.maintenance_window == "sat:00:30-sat:01:30"
    error_message = "Windows that only touch must be accepted."
  }
}
