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

variable "ci_principals" {
  description = "ARNs of who may take the role that deploys, such as the role of Jenkins. None: there is no such role."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "A permissions boundary of the company, for roles in place of Tradewind's own. Null: Tradewind's own."
  type        = string
  default     = null
}

variable "assume_role_arn" {
  description = "The role to take first, where the caller belongs to another account. Null: none."
  type        = string
  default     = null
}
