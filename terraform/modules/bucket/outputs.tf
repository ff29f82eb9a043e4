output "bucket" {
  description = "The name of the bucket."
  value       = aws_s3_bucket.this.id

  # Other resources can write to the bucket only after its policy and its encryption are set.
  depends_on = [aws_s3_bucket_policy.this, aws_s3_bucket_server_side_encryption_configuration.this]
}

output "arn" {
  description = "The ARN of the bucket."
  value       = aws_s3_bucket.this.arn
}
