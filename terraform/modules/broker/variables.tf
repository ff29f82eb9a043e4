variable "name" {
  description = "The prefix of every name: <tenant>-<environment>."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) <= 41
    error_message = "name must be at most 41 lower-case letters and digits with single dashes between them, starting with a letter."
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
    error_message = "subnet_ids must be at least two, so that replicas can be in other zones."
  }
}

variable "kms_key_arn" {
  description = "The ARN of the KMS key that encrypts data and logs."
  type        = string
  nullable    = false
}

variable "node_type" {
  description = "The type of each node, such as cache.t4g.small or cache.r7g.large."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^cache\\.[a-z0-9]+\\.[a-z0-9]+$", var.node_type))
    error_message = "node_type must look like cache.t4g.small."
  }
}

variable "replicas" {
  description = "The number of replicas in other zones, 0 to 5. With at least one, a replica takes over automatically if the primary fails."
  type        = number
  nullable    = false

  validation {
    condition     = contains([0, 1, 2, 3, 4, 5], var.replicas)
    error_message = "replicas must be 0, 1, 2, 3, 4 or 5."
  }
}

variable "engine" {
  description = "The engine: valkey (default), or redis, which costs more. ElastiCache can change redis to valkey in place; the other direction replaces the broker."
  type        = string
  default     = "valkey"
  nullable    = false

  validation {
    condition     = contains(["valkey", "redis"], var.engine)
    error_message = "engine must be valkey or redis."
  }
}

variable "engine_version" {
  description = "The engine's version. valkey: 7.2, 8.0, 8.1 or 8.2; redis: 7.0 or 7.1. Null: 8.1 for valkey, 7.1 for redis. A lower version replaces the broker."
  type        = string
  default     = null

  validation {
    condition     = var.engine_version == null || contains(var.engine == "redis" ? ["7.0", "7.1"] : ["7.2", "8.0", "8.1", "8.2"], coalesce(var.engine_version, "none"))
    error_message = "engine_version must be 7.2, 8.0, 8.1 or 8.2 for valkey, and 7.0 or 7.1 for redis."
  }
}

variable "auth_token" {
  description = "The token that clients log in with. It is neither in the plan nor in the state."
  type        = string
  nullable    = false
  ephemeral   = true
  sensitive   = true

  # AWS: ElastiCache User Guide, "Authenticating with the Valkey and Redis OSS AUTH command".
  validation {
    condition     = can(regex("^[a-zA-Z0-9!&#$^<>-]{16,128}$", var.auth_token))
    error_message = "auth_token must be 16 to 128 letters, digits and ! & # $ ^ < > -"
  }
}

variable "auth_token_version" {
  description = "The version of the token, a number. Terraform sends the token to ElastiCache only when this number changes."
  type        = number
  nullable    = false
}

variable "auth_token_update_strategy" {
  description = "The handling of the old token when a new one is sent. ROTATE (default): both are valid, so that services can restart one by one. SET: only the new one is valid."
  type        = string
  default     = "ROTATE"
  nullable    = false

  validation {
    condition     = contains(["ROTATE", "SET"], var.auth_token_update_strategy)
    error_message = "auth_token_update_strategy must be ROTATE or SET."
  }
}

variable "snapshot_retention_days" {
  description = "Days that a daily snapshot is kept: 0 (default, no snapshots) to 35. Waiting tasks are also in the database, so a snapshot would restore tasks that have already run."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = contains(range(0, 36), var.snapshot_retention_days)
    error_message = "snapshot_retention_days must be a whole number from 0 to 35."
  }
}

variable "maintenance_window" {
  description = "The weekly window in UTC in which ElastiCache may replace nodes for patches."
  type        = string
  default     = "sun:06:00-sun:07:00"
  nullable    = false

  validation {
    condition = can(regex(
      "^(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]-(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]$",
      var.maintenance_window,
    ))
    error_message = "maintenance_window must look like sun:06:00-sun:07:00."
  }
}

variable "apply_immediately" {
  description = "If true, changes that replace nodes happen at once. False (default): in the maintenance window."
  type        = bool
  default     = false
  nullable    = false
}

variable "log_retention_days" {
  description = "Days that the broker's logs are kept: one of the numbers that CloudWatch accepts."
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
