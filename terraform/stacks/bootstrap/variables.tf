variable "tenant" {
  description = "The short name of the company or team."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.tenant) >= 2 && length(var.tenant) <= 20 && can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.tenant))
    error_message = "tenant must be 2 to 20 lower-case letters, digits and single dashes between them, starting with a letter."
  }
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

variable "ci_principals" {
  description = "ARNs of the IAM roles or users that may assume the deploy role, such as the role of Jenkins. Empty (default): there is no deploy role."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "The ARN of a permissions boundary of the company, which roles may have instead of Tradewind's own. Null (default): only Tradewind's own."
  type        = string
  default     = null
}

variable "assume_role_arn" {
  description = "The ARN of the role that Terraform assumes first, if the caller is in another account. Null (default): none."
  type        = string
  default     = null
}
