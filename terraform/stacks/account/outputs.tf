output "repositories" {
  description = "From each component to the address and the ARN of its repository."
  value       = module.registry.repositories
}

output "artifact_bucket" {
  description = "The bucket with release records and DAG releases."
  value       = module.artifacts.bucket
}
