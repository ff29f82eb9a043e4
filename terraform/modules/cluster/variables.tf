variable "name" {
  description = "The name of the cluster: <tenant>-<environment>."
  type        = string
  nullable    = false
}

variable "kms_key_arn" {
  description = "The ARN of the KMS key that encrypts sessions and their records."
  type        = string
  nullable    = false
}

variable "log_retention_days" {
  description = "Days that the records of sessions are kept."
  type        = number
  default     = 30
  nullable    = false
}

variable "container_insights" {
  description = "CloudWatch Container Insights: `enabled` (default), `enhanced` (also metrics of each task, each at a price) or `disabled`."
  type        = string
  default     = "enabled"
  nullable    = false

  validation {
    condition     = contains(["enhanced", "enabled", "disabled"], var.container_insights)
    error_message = "container_insights must be enhanced, enabled or disabled."
  }
}
