output "arn" {
  description = "The ARN of the certificate, known when the certificate is valid."
  value       = aws_acm_certificate_validation.this.certificate_arn
}
