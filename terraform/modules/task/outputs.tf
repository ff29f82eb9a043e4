output "task_definition_arn" {
  description = "The ARN of the template revision."
  value       = aws_ecs_task_definition.this.arn
}

output "family" {
  description = "The family of the task definition."
  value       = aws_ecs_task_definition.this.family
}

output "security_group_id" {
  description = "The id of the security group of the task, which has no rules of its own."
  value       = aws_security_group.this.id
}

output "execution_role_arn" {
  description = "The ARN of the role with which ECS starts the task."
  value       = aws_iam_role.execution.arn
}

output "task_role_arn" {
  description = "The ARN of the role of the container."
  value       = aws_iam_role.task.arn
}

output "log_group_name" {
  description = "The name of the log group of the container."
  value       = aws_cloudwatch_log_group.this.name
}
