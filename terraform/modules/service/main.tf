# One ECS service. Terraform creates it with no tasks, and never changes the fields that releases write: the revision
# and the number of tasks.

resource "aws_ecs_service" "this" {
  name            = join("-", compact([var.service, var.replica_set]))
  cluster         = var.cluster_arn
  task_definition = var.task_definition_arn
  desired_count   = 0

  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  availability_zone_rebalancing      = "ENABLED"
  enable_execute_command             = var.exec
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"
  health_check_grace_period_seconds  = length(var.target_groups) == 0 ? null : var.health_check_grace_s

  capacity_provider_strategy {
    capacity_provider = var.spot ? "FARGATE_SPOT" : "FARGATE"
    weight            = 1
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [var.security_group_id]
    assign_public_ip = false
  }

  # ECS stops a deployment that fails. The release engine rolls back, because only it knows which services belong
  # together.
  deployment_circuit_breaker {
    enable   = true
    rollback = false
  }

  dynamic "load_balancer" {
    for_each = var.target_groups

    content {
      target_group_arn = load_balancer.value.arn
      container_name   = var.service
      container_port   = load_balancer.value.port
    }
  }

  lifecycle {
    ignore_changes = [desired_count, task_definition]
  }
}
