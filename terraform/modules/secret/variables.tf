variable "name" {
  description = "The prefix of the secret's name: <tenant>-<environment>."
  type        = string
  nullable    = false
}

variable "secret" {
  description = "The name of the secret below the prefix, such as `fernet-key`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*$", var.secret))
    error_message = "secret must be lower-case letters, digits and dashes, starting with a letter."
  }
}

variable "description" {
  description = "The purpose of the secret, which the console shows."
  type        = string
  nullable    = false
}

variable "kms_key_arn" {
  description = "The ARN of the KMS key that encrypts the secret."
  type        = string
  nullable    = false
}

variable "generate" {
  description = <<-EOT
    The value to generate: `length` random letters and digits (default 40, at least 20), encoded (`none` or `fernet`)
    and put into `format`, which has one `%s`. The format may contain text that is not secret, such as the address in a
    URL. Null: the secret gets `value`.
  EOT
  type = object({
    length   = optional(number, 40)
    encoding = optional(string, "none")
    format   = optional(string, "%s")
  })
  default = {}

  validation {
    condition     = var.generate == null || contains(["none", "fernet"], try(var.generate.encoding, ""))
    error_message = "generate.encoding must be none or fernet."
  }

  validation {
    condition     = try(var.generate.encoding, "") != "fernet" || try(var.generate.length, 0) == 32
    error_message = "A Fernet key is made of exactly 32 characters: set generate.length to 32."
  }

  validation {
    condition     = var.generate == null || try(var.generate.length, 0) >= 20
    error_message = "generate.length must be at least 20."
  }

  validation {
    condition     = var.generate == null || length(split("%s", try(var.generate.format, ""))) == 2
    error_message = "generate.format must contain `%s` exactly once."
  }
}

variable "value" {
  description = "The value of the secret if `generate` is null. Terraform writes it only when `generation` changes."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = var.generate != null || var.value != null
    error_message = "value must be given if generate is null: otherwise the services that read the secret fail when they start."
  }
}

variable "generation" {
  description = "Any text or number. Terraform replaces the value when it changes or when the format changes."
  type        = string
  default     = "1"
  nullable    = false
}

variable "recovery_window_days" {
  description = "Days in which a deleted secret can be restored: 7 (default) to 30, or 0 to delete at once."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.recovery_window_days == 0 || (var.recovery_window_days >= 7 && var.recovery_window_days <= 30)
    error_message = "recovery_window_days must be 7 to 30, or 0 to delete at once."
  }
}
