output "state_bucket" {
  description = "The name of the bucket with the states of this account."
  value       = module.states.bucket
}

output "deploy_role_arn" {
  description = "The ARN of the deploy role. Null if there are no ci_principals."
  value       = module.ci_access.role_arn
}

output "boundary_arn" {
  description = "The ARN of the permissions boundary of every role that Tradewind creates."
  value       = module.ci_access.boundary_arn
}
