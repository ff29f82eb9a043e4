resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:rotation is a planned command: services that read the secret must be restarted in order
  name                    = "${var.name}/${var.secret}"
  description             = var.description
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_window_days
}

# Each run generates a random value and uses it only when the version changes: neither the plan nor the state contains
# it.
ephemeral "aws_secretsmanager_random_password" "this" {
  count = var.generate == null ? 0 : 1

  password_length     = var.generate.length
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret_version" "this" {
  secret_id        = aws_secretsmanager_secret.this.id
  secret_string_wo = local.value

  # A changed format, such as a new address, must also update the secret. The provider's number takes 32 bits of the
  # hash.
  secret_string_wo_version = parseint(substr(sha256("${var.generation}:${try(var.generate.format, "")}"), 0, 8), 16)
}

locals {
  random = one(ephemeral.aws_secretsmanager_random_password.this[*].random_password)

  # A Fernet key is 32 bytes in URL-safe base64. 32 letters and digits have 190 bits of entropy, enough against any
  # search.
  encoded = try(var.generate.encoding, "none") == "fernet" ? replace(replace(base64encode(local.random), "+", "-"), "/", "_") : local.random

  value = var.generate == null ? var.value : format(var.generate.format, local.encoded)
}
