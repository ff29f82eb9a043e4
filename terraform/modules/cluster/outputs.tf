output "name" {
  description = "The name of the cluster."
  value       = aws_ecs_cluster.this.name

  # ECS refuses a service whose capacity provider is not yet attached to the cluster.
  depends_on = [aws_ecs_cluster_capacity_providers.this]
}

output "arn" {
  description = "The ARN of the cluster."
  value       = aws_ecs_cluster.this.arn

  depends_on = [aws_ecs_cluster_capacity_providers.this]
}

output "exec_log_group_arn" {
  description = "The ARN of the log group with the records of sessions. The role of each task needs write access to it."
  value       = aws_cloudwatch_log_group.exec.arn
}
