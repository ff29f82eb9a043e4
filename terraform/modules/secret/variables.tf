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
  description = "What the secret is for, as the console shows it."
  type        = string
  nullable    = false
}

variable "kms_key_arn" {
  description = "The ARN of the KMS key that encrypts it."
  type        = string
  nullable    = false
}

variable "generate" {
  description = <<-EOT
    How the value is made: `length` random letters and digits, encoded (`none` or `fernet`), and put into `format`, which
    has one `%s`. The format may hold what is not secret, such as the address in a URL. Null: `value` is kept.
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
    error_message = "generate.format must hold `%s` exactly once."
  }
}

variable "value" {
  description = "The value to keep where `generate` is null. It reaches the secret only when `generation` changes."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = var.generate != null || var.value != null
    error_message = "value must be given where generate is null: a secret without a value breaks its readers only when they start."
  }
}

variable "generation" {
  description = "Any text or number. The value is made anew when it or the format changes."
  type        = string
  default     = "1"
  nullable    = false
}

variable "recovery_window_days" {
  description = "How many days a deleted secret can be brought back: 7 to 30, or 0 to delete at once."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.recovery_window_days == 0 || (var.recovery_window_days >= 7 && var.recovery_window_days <= 30)
    error_message = "recovery_window_days must be 7 to 30, or 0 to delete at once."
  }
}
