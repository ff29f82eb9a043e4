resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:rotation is a rehearsed command, not a side effect: readers must be restarted in order
  name                    = "${var.name}/${var.secret}"
  description             = var.description
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_window_days
}

# A random value is drawn at every run and used only when the version changes: neither plan nor state ever holds one.
ephemeral "aws_secretsmanager_random_password" "this" {
  count = var.generate == null ? 0 : 1

  password_length     = var.generate.length
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret_version" "this" {
  secret_id        = aws_secretsmanager_secret.this.id
  secret_string_wo = local.value

  # A new address in the format must reach the secret too. 32 bits of the hash fit into the provider's number.
  secret_string_wo_version = parseint(substr(sha256("${var.generation}:${try(var.generate.format, "")}"), 0, 8), 16)
}

locals {
  random = one(ephemeral.aws_secretsmanager_random_password.this[*].random_password)

  # A Fernet key is 32 bytes in URL-safe base64. 32 letters and digits hold 190 bits, which is beyond any search.
  encoded = try(var.generate.encoding, "none") == "fernet" ? replace(replace(base64encode(local.random), "+", "-"), "/", "_") : local.random

  value = var.generate == null ? var.value : format(var.generate.format, local.encoded)
}
