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
  description = "The names of the images, such as `web` and `worker`."
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
  description = "The number of images that ECR keeps for each component. A rollback cannot use older images."
  type        = number
  default     = 200
  nullable    = false

  validation {
    condition     = var.keep_images >= 10
    error_message = "keep_images must be at least 10: ECR must never delete the running image."
  }
}

variable "force_delete" {
  description = "If true, Terraform deletes all images when it destroys a repository. False (default): Terraform refuses to destroy a repository that has images."
  type        = bool
  default     = false
  nullable    = false
}
