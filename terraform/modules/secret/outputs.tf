output "arn" {
  description = "The ARN of the secret."
  value       = aws_secretsmanager_secret.this.arn

  # Resources that read the value must wait until the secret has one.
  depends_on = [aws_secretsmanager_secret_version.this]
}
