variable "bucket" {
  description = "The name of the bucket, globally unique."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket must be 3 to 63 lower-case letters, digits and dashes, with no dash at either end."
  }
}

variable "kms_key_arn" {
  description = "The ARN of the KMS key that encrypts objects. Null (default): S3's own key, which the logs of load balancers need."
  type        = string
  default     = null
}

variable "versioned" {
  description = "If true (default), the bucket keeps old versions of objects."
  type        = bool
  default     = true
  nullable    = false
}

variable "keep_versions_days" {
  description = "Days that an old version is kept, if versioned is true."
  type        = number
  default     = 90
  nullable    = false
}

variable "expire_days" {
  description = "Days after which objects are deleted. Null (default): never."
  type        = number
  default     = null
}

variable "force_destroy" {
  description = "If true, Terraform deletes all objects when it destroys the bucket. False (default): Terraform refuses to destroy a bucket that has objects."
  type        = bool
  default     = false
  nullable    = false
}

variable "statements" {
  description = "Further statements of the bucket policy, as objects in the shape of IAM's JSON."
  type        = any
  default     = []
  nullable    = false
}
