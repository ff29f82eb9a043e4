output "repositories" {
  description = "A map from each component to the URL and the ARN of its repository."
  value       = { for component, repository in aws_ecr_repository.this : component => { url = repository.repository_url, arn = repository.arn } }
}
