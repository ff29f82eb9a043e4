output "name" {
  description = "The name of the ECS service."
  value       = aws_ecs_service.this.name
}

output "id" {
  description = "The ARN of the ECS service."
  value       = aws_ecs_service.this.id
}

output "capacity_provider" {
  description = "What its tasks run on: FARGATE or FARGATE_SPOT."
  value       = one(aws_ecs_service.this.capacity_provider_strategy).capacity_provider
}

output "scaling_target" {
  description = "What Application Auto Scaling calls the service, or null where it does not count its tasks."
  value       = one(aws_appautoscaling_target.this[*].resource_id)
}
