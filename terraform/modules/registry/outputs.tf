output "repositories" {
  description = "From each component to the address and the ARN of its repository."
  value       = { for component, repository in aws_ecr_repository.this : component => { url = repository.repository_url, arn = repository.arn } }
}
