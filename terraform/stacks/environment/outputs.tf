# As published.tf publishes them.

output "environment" {
  description = "The name of the environment."
  value       = local.outputs.environment
}

output "cluster" {
  description = "The ECS cluster."
  value       = local.outputs.cluster
}

output "web_url" {
  description = "Where people find Airflow."
  value       = local.outputs.web_url
}

output "execution_api_url" {
  description = "Where tasks find the execution API."
  value       = local.outputs.execution_api_url
}

output "private_subnet_ids" {
  description = "The subnets that one-off tasks run in."
  value       = local.outputs.private_subnet_ids
}

output "task_definitions" {
  description = "The template revision of each service's task definition, from which releases are made."
  value       = local.outputs.task_definitions
}

output "security_groups" {
  description = "The security group of each service."
  value       = local.outputs.security_groups
}

output "services" {
  description = "The ECS services of each service: one, or several where replica sets take turns. One-off tasks have none."
  value       = local.outputs.services
}

output "task_log_bucket" {
  description = "The bucket with the logs of tasks."
  value       = local.outputs.task_log_bucket
}

output "controller_bucket" {
  description = "The bucket in which the controller is asked, and given releases of DAG files."
  value       = local.outputs.controller_bucket
}

output "dag_storage" {
  description = "The shared file system, and the access point through which the controller writes."
  value       = local.outputs.dag_storage
}

output "database" {
  description = "The database: its identifier, and its address."
  value       = local.outputs.database
}
