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
  description = "The 12 digits of the AWS account."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the 12 digits of an AWS account."
  }
}

variable "region" {
  description = "The AWS region."
  type        = string
  nullable    = false
}

variable "deletion_window_days" {
  description = "Days before a deleted key is destroyed, 7 to 30 (default). Until then, it can be restored; after that, its data cannot be read again, backups included."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains(range(7, 31), var.deletion_window_days)
    error_message = "deletion_window_days must be a whole number from 7 to 30."
  }
}
