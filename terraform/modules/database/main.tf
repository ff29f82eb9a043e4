# RDS for MySQL. Settings are in parameters.tf, logs and metrics in monitoring.tf.

locals {
  identifier = "${var.name}-database"

  # RDS compares the times of day of both windows. Two spans on a circle overlap if one begins within the other.
  day   = 24 * 60
  times = regexall("([0-9]{2}):([0-9]{2})", "${var.backup_window} ${var.maintenance_window}")
  at    = [for time in local.times : tonumber(time[0]) * 60 + tonumber(time[1])]
  lasts = [for index in [0, 2] : (local.at[index + 1] - local.at[index] + local.day) % local.day]
  windows_overlap = (
    (local.at[2] - local.at[0] + local.day) % local.day < local.lasts[0]
    || (local.at[0] - local.at[2] + local.day) % local.day < local.lasts[1]
  )

  # The final snapshot of a restored database needs another name than the snapshot that it was restored from.
  restored = var.restore_from_snapshot == null ? "" : "-${substr(sha256(var.restore_from_snapshot), 0, 6)}"
}

resource "aws_db_subnet_group" "this" {
  name        = local.identifier
  description = "The data tier of ${var.name}"
  subnet_ids  = var.subnet_ids
}

resource "aws_security_group" "this" {
  name        = local.identifier
  description = "The metadata database"
  vpc_id      = var.vpc_id

  tags = { Name = local.identifier }
}

resource "aws_db_instance" "this" {
  #checkov:skip=CKV_AWS_157:a choice of each environment; doubles the price
  #checkov:skip=CKV_AWS_161:no client logs in with IAM, only with a password
  #checkov:skip=CKV_AWS_293:on by default, off in short-lived environments
  #checkov:skip=CKV2_AWS_69:require_secure_transport is in parameters.tf, in a dynamic block

  # Without these, RDS would create the log groups itself, without a key and with unlimited retention, and would refuse
  # a role that cannot write yet.
  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy_attachment.monitoring]

  identifier     = local.identifier
  engine         = "mysql"
  engine_version = var.engine_version
  instance_class = var.instance_class
  port           = 3306

  # RDS refuses `iops` and `storage_throughput` below 400 GiB, even with the fixed values 3,000 and 125. From 400 GiB
  # up, the defaults 12,000 and 500 are enough.
  storage_type          = "gp3"
  allocated_storage     = var.storage_gb
  max_allocated_storage = var.max_storage_gb
  storage_encrypted     = true
  kms_key_id            = var.kms_key_arn

  # RDS creates and rotates the password; only `init-db-users` reads it. There is no db_name: `init-db-users` creates the schema,
  # with the right collation.
  username                      = "admin"
  manage_master_user_password   = true
  master_user_secret_kms_key_id = var.kms_key_arn

  iam_database_authentication_enabled = false

  multi_az               = var.multi_az
  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [aws_security_group.this.id]
  publicly_accessible    = false
  ca_cert_identifier     = var.ca_cert_identifier

  parameter_group_name        = aws_db_parameter_group.this.name
  auto_minor_version_upgrade  = true
  allow_major_version_upgrade = false
  apply_immediately           = var.apply_immediately
  maintenance_window          = var.maintenance_window

  backup_retention_period   = var.backup_days
  backup_window             = var.backup_window
  copy_tags_to_snapshot     = true
  delete_automated_backups  = false
  deletion_protection       = var.deletion_protection
  skip_final_snapshot       = false
  final_snapshot_identifier = "${local.identifier}-final${local.restored}"
  snapshot_identifier       = var.restore_from_snapshot

  enabled_cloudwatch_logs_exports       = keys(aws_cloudwatch_log_group.this)
  monitoring_interval                   = var.monitoring_interval_s
  monitoring_role_arn                   = one(aws_iam_role.monitoring[*].arn)
  database_insights_mode                = local.performance_insights ? "standard" : null
  performance_insights_enabled          = local.performance_insights
  performance_insights_kms_key_id       = local.performance_insights ? var.kms_key_arn : null
  performance_insights_retention_period = local.performance_insights ? 7 : null

  tags = { Name = local.identifier }

  lifecycle {
    # A change has no meaning after creation: AWS could apply it only by destroying the database.
    ignore_changes = [snapshot_identifier]

    precondition {
      condition     = !local.windows_overlap
      error_message = "RDS refuses a maintenance_window (${var.maintenance_window}) that overlaps the backup_window (${var.backup_window})."
    }
  }
}
