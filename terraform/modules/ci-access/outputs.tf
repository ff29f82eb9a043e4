output "role_arn" {
  description = "The ARN of the deploy role. Null if there are no principals."
  value       = one(aws_iam_role.deploy[*].arn)
}

output "boundary_arn" {
  description = "The ARN of the permissions boundary."
  value       = aws_iam_policy.boundary.arn
}
