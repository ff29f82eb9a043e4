variable "tenant" {
  description = "The short name of the company or team."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.tenant) >= 2 && length(var.tenant) <= 20 && can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.tenant))
    error_message = "tenant must be 2 to 20 lower-case letters, digits and single dashes between them, starting with a letter."
  }
}

variable "account" {
  description = "The name of the account in tradewind.yaml."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "The 12 digits of the AWS account. Any other account is refused."
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

variable "tags" {
  description = "AWS tags of everything."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "assume_role_arn" {
  description = "The role to take first, where the caller belongs to another account. Null: none."
  type        = string
  default     = null
}

variable "production" {
  description = "Whether it is a production account, in which nothing is deleted together with what it holds."
  type        = bool
  default     = false
  nullable    = false
}

variable "components" {
  description = "The images, such as `web` and `worker`."
  type        = set(string)
  nullable    = false
}

variable "monthly_budget_usd" {
  description = "Warn when a month's cost reaches this many US dollars. Null: no budget."
  type        = number
  default     = null
}

variable "alert_emails" {
  description = "Who is warned."
  type        = list(string)
  default     = []
  nullable    = false
}
