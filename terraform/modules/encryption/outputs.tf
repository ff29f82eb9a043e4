output "key_arn" {
  description = "The ARN of the key."
  value       = aws_kms_key.this.arn
}

output "key_id" {
  description = "The id of the key."
  value       = aws_kms_key.this.key_id
}
