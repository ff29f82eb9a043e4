variable "bucket" {
  description = "The name of the bucket, unique in the world."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket must be 3 to 63 lower-case letters, digits and dashes, with no dash at either end."
  }
}

variable "kms_key_arn" {
  description = "The ARN of the KMS key that encrypts objects. Null: S3's own key, which load balancers' logs need."
  type        = string
  default     = null
}

variable "versioned" {
  description = "Whether old versions of objects are kept."
  type        = bool
  default     = true
  nullable    = false
}

variable "keep_versions_days" {
  description = "How many days an old version is kept."
  type        = number
  default     = 90
  nullable    = false
}

variable "expire_days" {
  description = "Objects are deleted after this many days. Null: never."
  type        = number
  default     = null
}

variable "force_destroy" {
  description = "Whether destroying the bucket deletes what is in it."
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
