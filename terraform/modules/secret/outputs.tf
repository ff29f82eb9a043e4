output "arn" {
  description = "The ARN of the secret."
  value       = aws_secretsmanager_secret.this.arn

  # Who reads the value must wait until there is one.
  depends_on = [aws_secretsmanager_secret_version.this]
}
