variable "tenant" {
  description = "The short name of the company or team: the prefix of all resources that the role may change."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "The 12 digits of the AWS account."
  type        = string
  nullable    = false
}

variable "region" {
  description = "The AWS region."
  type        = string
  nullable    = false
}

variable "principals" {
  description = "ARNs of the IAM roles or users that may assume the deploy role, such as the role of Jenkins. Empty (default): there is no deploy role."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.principals : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/.+$", arn))])
    error_message = "principals must be ARNs of IAM roles or users; a whole account or `*` is refused."
  }
}

variable "state_bucket_arn" {
  description = "The ARN of the bucket that has the states and the ledger."
  type        = string
  nullable    = false
}

variable "state_key_arn" {
  description = "The ARN of the KMS key of that bucket."
  type        = string
  nullable    = false
}

variable "boundary_arns" {
  description = "The allowed permissions boundaries: every role that a pipeline creates must have one of these."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.boundary_arns) > 0
    error_message = "boundary_arns must have at least one ARN."
  }
}
