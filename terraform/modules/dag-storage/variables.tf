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
  description = "The subnets of the data tier, one for each zone, in an order that stays."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 1
    error_message = "subnet_ids must be at least one."
  }
}

variable "kms_key_arn" {
  description = "The ARN of the KMS key of the files."
  type        = string
  nullable    = false
}

variable "infrequent_access_after_days" {
  description = "Days after which files that nobody reads move to cheaper storage: 1, 7, 14, 30, 60, 90, 180, 270 or 365. They come back when they are read. Null: never."
  type        = number
  default     = null

  validation {
    condition     = var.infrequent_access_after_days == null || contains([1, 7, 14, 30, 60, 90, 180, 270, 365], coalesce(var.infrequent_access_after_days, 0))
    error_message = "infrequent_access_after_days must be 1, 7, 14, 30, 60, 90, 180, 270 or 365, or null."
  }
}
