output "name" {
  description = "The name of the cluster."
  value       = aws_ecs_cluster.this.name
}

output "arn" {
  description = "The ARN of the cluster."
  value       = aws_ecs_cluster.this.arn
}

output "exec_log_group_arn" {
  description = "The ARN of the log group with the records of sessions, to which the role of each task may write."
  value       = aws_cloudwatch_log_group.exec.arn
}
