# The values that published.tf publishes.

output "environment" {
  description = "The name of the environment."
  value       = local.outputs.environment
}

output "cluster" {
  description = "The name of the ECS cluster."
  value       = local.outputs.cluster
}

output "web_url" {
  description = "The URL of Airflow for users."
  value       = local.outputs.web_url
}

output "execution_api_url" {
  description = "The URL of the execution API for tasks."
  value       = local.outputs.execution_api_url
}

output "private_subnet_ids" {
  description = "The ids of the subnets in which one-shot tasks run."
  value       = local.outputs.private_subnet_ids
}

output "task_definitions" {
  description = "The ARNs of the template revisions of the task definitions, by service. Releases are made from these."
  value       = local.outputs.task_definitions
}

output "security_groups" {
  description = "The ids of the security groups, by service."
  value       = local.outputs.security_groups
}

output "services" {
  description = "The names of the ECS services of each service: one, or several if it has replica sets. One-shot tasks have none."
  value       = local.outputs.services
}

output "task_log_bucket" {
  description = "The name of the bucket with the logs of tasks."
  value       = local.outputs.task_log_bucket
}

output "controller_bucket" {
  description = "The name of the bucket with the controller's commands and results, and with DAG releases."
  value       = local.outputs.controller_bucket
}

output "dag_storage" {
  description = "The shared file system, and the access point through which the controller writes: ids."
  value       = local.outputs.dag_storage
}

output "database" {
  description = "The database: its identifier and its address."
  value       = local.outputs.database
}
