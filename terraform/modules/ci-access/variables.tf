variable "tenant" {
  description = "The short name of the company or team: the prefix of everything that may be touched."
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
  description = "ARNs of who may take the role that deploys, such as the role of Jenkins. None: there is no such role."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.principals : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/.+$", arn))])
    error_message = "principals must be ARNs of IAM roles or users: whole accounts and `*` are too many."
  }
}

variable "state_bucket_arn" {
  description = "The ARN of the bucket with states and the ledger."
  type        = string
  nullable    = false
}

variable "state_key_arn" {
  description = "The ARN of the KMS key of that bucket."
  type        = string
  nullable    = false
}

variable "boundary_arns" {
  description = "The permissions boundaries, one of which every role that a pipeline makes must have."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.boundary_arns) > 0
    error_message = "boundary_arns must have at least one ARN."
  }
}
