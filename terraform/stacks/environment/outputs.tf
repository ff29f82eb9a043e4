# What the command line, releases and the controller need to know. Nothing here is secret.

output "environment" {
  description = "The name of the environment."
  value       = var.environment
}

output "cluster" {
  description = "The ECS cluster."
  value       = module.cluster.name
}

output "web_url" {
  description = "Where people find Airflow."
  value       = local.web_url
}

output "execution_api_url" {
  description = "Where tasks find the execution API."
  value       = local.execution_api_url
}

output "private_subnet_ids" {
  description = "The subnets that one-off tasks run in."
  value       = module.placement.private_subnet_ids
}

output "task_definitions" {
  description = "The template revision of each service's task definition, from which releases are made."
  value       = { for name, task in module.task : name => task.task_definition_arn }
}

output "security_groups" {
  description = "The security group of each service."
  value       = { for name, task in module.task : name => task.security_group_id }
}

output "services" {
  description = "The ECS services of each service: one, or two where replica sets take turns. One-off tasks have none."
  value = merge(
    { for name, service in module.service : name => [service.name] },
    { for name, fleet in module.worker_fleet : name => values(fleet.services) },
  )
}

output "task_log_bucket" {
  description = "The bucket with the logs of tasks."
  value       = module.task_logs.bucket
}

output "controller_bucket" {
  description = "The bucket in which the controller is asked, and given releases of DAG files."
  value       = module.controller_bucket.bucket
}

output "dag_storage" {
  description = "The shared file system, and the access point through which the controller writes."
  value = {
    file_system_id          = module.dag_storage.file_system_id
    read_write_access_point = module.dag_storage.read_write_access_point.id
  }
}

output "database" {
  description = "The database: its identifier, and its address."
  value       = { identifier = module.database.identifier, address = module.database.address }
}
