variable "tenant" {
  description = "The short name of the company or team: the first part of each repository's name."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "The 12 digits of the AWS account."
  type        = string
  nullable    = false
}

variable "components" {
  description = "The images, such as `web` and `worker`."
  type        = set(string)
  nullable    = false

  validation {
    condition     = alltrue([for component in var.components : can(regex("^[a-z][a-z0-9-]*$", component))])
    error_message = "components must be lower-case letters, digits and dashes, starting with a letter."
  }
}

variable "kms_key_arn" {
  description = "The ARN of the KMS key that encrypts images."
  type        = string
  nullable    = false
}

variable "keep_images" {
  description = "How many images of each component are kept. A release can be rolled back to no older one."
  type        = number
  default     = 200
  nullable    = false

  validation {
    condition     = var.keep_images >= 10
    error_message = "keep_images must be at least 10: what runs must never be deleted."
  }
}

variable "force_delete" {
  description = "Whether destroying a repository deletes its images."
  type        = bool
  default     = false
  nullable    = false
}
