output "role_arn" {
  description = "The ARN of the role that deploys, or null where nobody may take one."
  value       = one(aws_iam_role.deploy[*].arn)
}

output "boundary_arn" {
  description = "The ARN of the permissions boundary."
  value       = aws_iam_policy.boundary.arn
}
