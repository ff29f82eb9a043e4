mock_provider "aws" {}

variables {
  name           = "acme-dev"
  account_id     = "111122223333"
  vpc_id         = "vpc-1"
  subnet_ids     = ["subnet-1", "subnet-2"]
  kms_key_arn    = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
  instance_class = "db.t4g.small"
  storage_gb     = 20
  multi_az       = false
  backup_days    = 7

  monitoring_interval_s = 0
  restore_from_snapshot = "acme-dev-database-final"
}

run "restored" {
  assert {
    condition     = aws_db_instance.this.snapshot_identifier == "acme-dev-database-final"
    error_message = "A new database must be restored from the snapshot."
  }

  assert {
    condition     = aws_db_instance.this.final_snapshot_identifier == "acme-dev-database-final-${substr(sha256("acme-dev-database-final"), 0, 6)}"
    error_message = "Its own final snapshot must not have the name of the snapshot that it was restored from."
  }
}

run "a_database_that_runs_is_not_made_anew" {
  variables {
    restore_from_snapshot = "another"
  }

  assert {
    condition     = aws_db_instance.this.snapshot_identifier == "acme-dev-database-final"
    error_message = "Another snapshot must have no effect on an existing database: AWS would destroy it."
  }
}
