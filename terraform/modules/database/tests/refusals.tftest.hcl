mock_provider "aws" {}

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

run "name_with_two_dashes" {
  command = plan

  variables {
    name = "acme--dev"
  }

  expect_failures = [var.name]
}

run "name_that_is_too_long" {
  command = plan

  variables {
    name = "a234567890-b234567890-c234567890-d23456789"
  }

  expect_failures = [var.name]
}

run "account_without_12_digits" {
  command = plan

  variables {
    account_id = "1111"
  }

  expect_failures = [var.account_id]
}

run "one_zone" {
  command = plan

  variables {
    subnet_ids = ["subnet-1"]
  }

  expect_failures = [var.subnet_ids]
}

run "class_without_its_prefix" {
  command = plan

  variables {
    instance_class = "r7g.large"
  }

  expect_failures = [var.instance_class]
}

run "less_storage_than_gp3_has" {
  command = plan

  variables {
    storage_gb = 10
  }

  expect_failures = [var.storage_gb]
}

run "half_a_gib" {
  command = plan

  variables {
    storage_gb = 50.5
  }

  expect_failures = [var.storage_gb]
}

run "no_room_to_grow" {
  command = plan

  variables {
    max_storage_gb = 54
  }

  expect_failures = [var.max_storage_gb]
}

run "no_backups" {
  command = plan

  variables {
    backup_days = 0
  }

  expect_failures = [var.backup_days]
}

run "backups_for_longer_than_rds_keeps_them" {
  command = plan

  variables {
    backup_days = 36
  }

  expect_failures = [var.backup_days]
}

run "backup_window_without_its_end" {
  command = plan

  variables {
    backup_window = "03:00"
  }

  expect_failures = [var.backup_window]
}

run "maintenance_window_without_days" {
  command = plan

  variables {
    maintenance_window = "04:30-05:30"
  }

  expect_failures = [var.maintenance_window]
}

run "maintenance_during_the_backup" {
  command = plan

  variables {
    maintenance_window = "sun:03:30-sun:05:00"
  }

  expect_failures = [aws_db_instance.this]
}

run "backup_during_maintenance" {
  command = plan

  variables {
    backup_window      = "23:30-00:30"
    maintenance_window = "sun:23:00-mon:01:00"
  }

  expect_failures = [aws_db_instance.this]
}

run "windows_that_overlap_past_midnight" {
  command = plan

  variables {
    backup_window      = "23:30-00:30"
    maintenance_window = "sun:00:00-sun:01:00"
  }

  expect_failures = [aws_db_instance.this]
}

run "mysql_8_0" {
  command = plan

  variables {
    engine_version = "8.0"
  }

  expect_failures = [var.engine_version]
}

run "time_zone_by_offset" {
  command = plan

  variables {
    timezone = "+02:00"
  }

  expect_failures = [var.timezone]
}

run "every_query_slow" {
  command = plan

  variables {
    slow_query_s = 0
  }

  expect_failures = [var.slow_query_s]
}

run "interval_that_rds_does_not_offer" {
  command = plan

  variables {
    monitoring_interval_s = 20
  }

  expect_failures = [var.monitoring_interval_s]
}

run "authority_that_has_expired" {
  command = plan

  variables {
    ca_cert_identifier = "rds-ca-2019"
  }

  expect_failures = [var.ca_cert_identifier]
}

run "retention_that_cloudwatch_does_not_offer" {
  command = plan

  variables {
    log_retention_days = 31
  }

  expect_failures = [var.log_retention_days]
}
