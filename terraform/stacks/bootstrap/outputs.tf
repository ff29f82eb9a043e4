output "state_bucket" {
  description = "The bucket with the states of this account."
  value       = module.states.bucket
}

output "deploy_role_arn" {
  description = "The ARN of the role that deploys, or null where nobody may take one."
  value       = module.ci_access.role_arn
}

output "boundary_arn" {
  description = "The ARN of the permissions boundary of every role that is made."
  value       = module.ci_access.boundary_arn
}
