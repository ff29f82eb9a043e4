output "repositories" {
  description = "A map from each component to the URL and the ARN of its repository."
  value       = module.registry.repositories
}

output "artifact_bucket" {
  description = "The name of the bucket for DAG releases that pipelines create."
  value       = module.artifacts.bucket
}
