output "name" {
  description = "The name of the ECS service."
  value       = aws_ecs_service.this.name
}

output "id" {
  description = "The ARN of the ECS service."
  value       = aws_ecs_service.this.id
}
