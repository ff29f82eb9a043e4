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
  description = "The subnets of the data tier, one for each zone. Their order must not change."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 1
    error_message = "subnet_ids must be at least one."
  }
}

variable "kms_key_arn" {
  description = "The ARN of the KMS key that encrypts the files."
  type        = string
  nullable    = false
}

variable "infrequent_access_after_days" {
  description = "Days without a read after which EFS moves a file to cheaper storage: 1, 7, 14, 30, 60, 90, 180, 270 or 365. A read moves it back. Null (default): never."
  type        = number
  default     = null

  validation {
    condition     = var.infrequent_access_after_days == null || contains([1, 7, 14, 30, 60, 90, 180, 270, 365], coalesce(var.infrequent_access_after_days, 0))
    error_message = "infrequent_access_after_days must be 1, 7, 14, 30, 60, 90, 180, 270 or 365, or null."
  }
}
