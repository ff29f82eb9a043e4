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
  description = "The 12 digits of the AWS account. Terraform refuses any other account."
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
  description = "AWS tags for every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "assume_role_arn" {
  description = "The ARN of the role that Terraform assumes first, if the caller is in another account. Null (default): none."
  type        = string
  default     = null
}

variable "production" {
  description = "If true, the account is for production: Terraform refuses to destroy repositories that have images, and buckets that have objects. Default: false."
  type        = bool
  default     = false
  nullable    = false
}

variable "components" {
  description = "The names of the images, such as `web` and `worker`."
  type        = set(string)
  nullable    = false
}

variable "monthly_budget_usd" {
  description = "The monthly budget in US dollars, at which AWS warns. Null (default): no budget."
  type        = number
  default     = null
}

variable "alert_emails" {
  description = "The e-mail addresses that get budget warnings."
  type        = list(string)
  default     = []
  nullable    = false
}
