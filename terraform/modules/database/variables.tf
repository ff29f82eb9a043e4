variable "name" {
  description = "The prefix of every name: <tenant>-<environment>."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) <= 41
    error_message = "name must be at most 41 lower-case letters and digits with single dashes between them, starting with a letter."
  }
}

variable "account_id" {
  description = "The 12 digits of the AWS account. Only databases of this account may use the monitoring role."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the 12 digits of an AWS account."
  }
}

variable "vpc_id" {
  description = "The VPC of the security group."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "The subnets of the data tier, in at least two zones."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids must be at least two: RDS requires a second zone, even without a standby."
  }
}

variable "kms_key_arn" {
  description = "The ARN of the KMS key for storage, backups, logs, insights and the master secret."
  type        = string
  nullable    = false
}

variable "instance_class" {
  description = "The class of the instance, such as db.t4g.medium or db.r7g.large."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.instance_class))
    error_message = "instance_class must look like db.r7g.large."
  }
}

variable "storage_gb" {
  description = "Initial storage in GiB. RDS can enlarge it later, never shrink it."
  type        = number
  nullable    = false

  validation {
    condition     = var.storage_gb >= 20 && var.storage_gb <= 65536 && floor(var.storage_gb) == var.storage_gb
    error_message = "storage_gb must be a whole number from 20 to 65536, the limits of gp3 for MySQL."
  }
}

variable "max_storage_gb" {
  description = "Storage in GiB up to which RDS enlarges the storage automatically when it is nearly full. Null (default): it does not."
  type        = number
  default     = null

  # RDS refuses a limit less than a tenth above the current storage.
  validation {
    condition     = var.max_storage_gb == null || try(var.max_storage_gb >= ceil(var.storage_gb * 1.1) && var.max_storage_gb <= 65536, false)
    error_message = "max_storage_gb must be at least a tenth above storage_gb and at most 65536, or null."
  }
}

variable "multi_az" {
  description = "If true, the database has a standby in another zone that takes over automatically."
  type        = bool
  nullable    = false
}

variable "backup_days" {
  description = "Days of backups, 1 to 35: RDS can restore the database to any second of these days."
  type        = number
  nullable    = false

  validation {
    condition     = contains(range(1, 36), var.backup_days)
    error_message = "backup_days must be a whole number from 1 to 35."
  }
}

variable "backup_window" {
  description = "The window in UTC in which RDS takes the daily snapshot."
  type        = string
  default     = "03:00-04:00"
  nullable    = false

  validation {
    condition     = can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$", var.backup_window))
    error_message = "backup_window must look like 03:00-04:00."
  }
}

variable "maintenance_window" {
  description = "The weekly window in UTC in which RDS may restart the database for patches. With a standby, a restart takes about a minute."
  type        = string
  default     = "sun:04:30-sun:05:30"
  nullable    = false

  validation {
    condition = can(regex(
      "^(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]-(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]$",
      var.maintenance_window,
    ))
    error_message = "maintenance_window must look like sun:04:30-sun:05:30."
  }
}

variable "deletion_protection" {
  description = "If true (default), RDS refuses to delete the database. Terraform's own prevent_destroy cannot depend on a variable."
  type        = bool
  default     = true
  nullable    = false
}

variable "restore_from_snapshot" {
  description = "The snapshot from which a new database is restored; it must be encrypted with kms_key_arn. Null (default): a new database is empty. A later change has no effect."
  type        = string
  default     = null
}

variable "engine_version" {
  description = "8.4 (default), or one of its minor versions such as 8.4.6. RDS updates the minor version automatically in maintenance windows."
  type        = string
  default     = "8.4"
  nullable    = false

  validation {
    condition     = can(regex("^8\\.4(\\.[0-9]+)?$", var.engine_version))
    error_message = "engine_version must be 8.4 or 8.4.<minor>."
  }
}

variable "apply_immediately" {
  description = "If true, changes that restart the database happen at once. False (default): in the maintenance window."
  type        = bool
  default     = false
  nullable    = false
}

variable "timezone" {
  description = "The time zone of the server, which its own logs use. Airflow sets UTC on each connection."
  type        = string
  default     = "UTC"
  nullable    = false

  validation {
    condition     = can(regex("^(UTC|[A-Z][A-Za-z]+/[A-Z][A-Za-z_]+)$", var.timezone))
    error_message = "timezone must be UTC or a name such as Europe/Berlin."
  }
}

variable "slow_query_s" {
  description = "The threshold in seconds above which MySQL logs a statement as slow."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.slow_query_s > 0
    error_message = "slow_query_s must be above 0."
  }
}

variable "monitoring_interval_s" {
  description = "Seconds between two metrics of the operating system: 0 (none), 1, 5, 10, 15, 30 or 60 (default)."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = contains([0, 1, 5, 10, 15, 30, 60], var.monitoring_interval_s)
    error_message = "monitoring_interval_s must be 0, 1, 5, 10, 15, 30 or 60."
  }
}

variable "performance_insights" {
  description = "If true (default), RDS keeps database load and wait events for a week, free of charge. The micro and small classes do not support it and have none."
  type        = bool
  default     = true
  nullable    = false
}

variable "ca_cert_identifier" {
  description = "The certificate authority of the server's certificate. Clients must trust it before you change it."
  type        = string
  default     = "rds-ca-rsa2048-g1"
  nullable    = false

  validation {
    condition     = contains(["rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1"], var.ca_cert_identifier)
    error_message = "ca_cert_identifier must be rds-ca-rsa2048-g1, rds-ca-rsa4096-g1 or rds-ca-ecc384-g1."
  }
}

variable "log_retention_days" {
  description = "Days that the error log and the log of slow queries are kept: one of the numbers that CloudWatch accepts."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.log_retention_days,
    )
    error_message = "log_retention_days must be 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "permissions_boundary_arn" {
  description = "The ARN of the permissions boundary of the monitoring role. Null (default): none."
  type        = string
  default     = null
}
