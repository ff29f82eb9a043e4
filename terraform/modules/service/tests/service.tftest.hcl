mock_provider "aws" {
  mock_resource "aws_ecs_service" {
    defaults = {
      id = "arn:aws:ecs:eu-west-1:111122223333:service/acme-dev/web"
    }
  }
}

variables {
  service             = "web"
  cluster_name        = "acme-dev"
  cluster_arn         = "arn:aws:ecs:eu-west-1:111122223333:cluster/acme-dev"
  task_definition_arn = "arn:aws:ecs:eu-west-1:111122223333:task-definition/acme-dev-web:1"
  security_group_id   = "sg-1"
  subnet_ids          = ["subnet-1", "subnet-2"]
}

run "made_empty" {
  assert {
    condition     = aws_ecs_service.this.desired_count == 0 && aws_ecs_service.this.name == "web" && aws_ecs_service.this.cluster == var.cluster_arn
    error_message = "A service must start with no task: there is no image before the first release."
  }

  assert {
    condition     = length(aws_appautoscaling_target.this) == 0 && length(aws_appautoscaling_policy.cpu) == 0 && length(aws_appautoscaling_scheduled_action.this) == 0
    error_message = "Without scaling, only a release may change the number of tasks."
  }

  assert {
    condition     = [for strategy in aws_ecs_service.this.capacity_provider_strategy : strategy.capacity_provider] == ["FARGATE"]
    error_message = "A service may run on Spot only by choice."
  }

  assert {
    condition     = output.name == "web" && output.id == aws_ecs_service.this.id
    error_message = "The outputs must be the service's."
  }
}

run "a_release_changes_it_and_terraform_does_not" {
  variables {
    task_definition_arn = "arn:aws:ecs:eu-west-1:111122223333:task-definition/acme-dev-web:2"
  }

  assert {
    condition     = endswith(aws_ecs_service.this.task_definition, ":1")
    error_message = "Terraform must ignore the revision: a release sets it."
  }
}

run "a_broken_image_stops_by_itself" {
  assert {
    condition     = [for breaker in aws_ecs_service.this.deployment_circuit_breaker : [breaker.enable, breaker.rollback]] == [[true, false]]
    error_message = "ECS must stop a failing deployment, and must not roll back automatically."
  }

  assert {
    condition     = aws_ecs_service.this.deployment_minimum_healthy_percent == 100 && aws_ecs_service.this.deployment_maximum_percent == 200
    error_message = "The old tasks must stay until the new ones are healthy."
  }
}

run "private_and_in_every_zone" {
  assert {
    condition = [for network in aws_ecs_service.this.network_configuration : [
      tostring(network.assign_public_ip), join(" ", network.subnets), join(" ", network.security_groups),
    ]] == [["false", "subnet-1 subnet-2", "sg-1"]]
    error_message = "Tasks must have no public address, and must have their security group and the given subnets."
  }

  assert {
    condition     = aws_ecs_service.this.availability_zone_rebalancing == "ENABLED"
    error_message = "Tasks must be rebalanced when a zone recovers."
  }

  assert {
    condition     = [for strategy in aws_ecs_service.this.capacity_provider_strategy : "${strategy.capacity_provider} ${strategy.weight}"] == ["FARGATE 1"]
    error_message = "A service may run on Spot only by choice."
  }

  assert {
    condition     = aws_ecs_service.this.enable_execute_command && aws_ecs_service.this.propagate_tags == "SERVICE"
    error_message = "Sessions must be possible, and tasks must have the tags that show their cost."
  }
}

run "spot_without_sessions" {
  command = plan

  variables {
    service = "triggerer"
    spot    = true
    exec    = false
  }

  assert {
    condition     = [for strategy in aws_ecs_service.this.capacity_provider_strategy : strategy.capacity_provider] == ["FARGATE_SPOT"] && !aws_ecs_service.this.enable_execute_command
    error_message = "The inputs must reach the service."
  }
}

run "behind_load_balancers" {
  variables {
    target_groups = {
      public   = { arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/acme-dev-public-web/0123456789abcdef", port = 8080 }
      internal = { arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/acme-dev-internal-web/0123456789abcdef", port = 8080 }
    }
  }

  assert {
    condition     = toset([for target in aws_ecs_service.this.load_balancer : "${split("/", target.target_group_arn)[1]} ${target.container_name}:${target.container_port}"]) == toset(["acme-dev-public-web web:8080", "acme-dev-internal-web web:8080"])
    error_message = "Requests of both load balancers must reach the container's port."
  }

  assert {
    condition     = aws_ecs_service.this.health_check_grace_period_seconds == 180
    error_message = "The health check must ignore a starting task during the grace period."
  }
}

run "a_replica_set" {
  command = plan

  variables {
    service     = "worker-heavy"
    replica_set = "b"
  }

  assert {
    condition     = aws_ecs_service.this.name == "worker-heavy-b" && aws_ecs_service.this.health_check_grace_period_seconds == null
    error_message = "The services of replica sets must have different names, and a grace period requires a load balancer."
  }
}

run "scaling" {
  variables {
    scaling = {
      min                = 2
      max                = 6
      target_cpu_percent = 60
      schedule = {
        night = { cron = "cron(0 20 ? * * *)", min = 1, max = 2 }
      }
    }
  }

  assert {
    condition = (
      aws_appautoscaling_target.this[0].min_capacity == 2
      && aws_appautoscaling_target.this[0].max_capacity == 6
      && aws_appautoscaling_target.this[0].resource_id == "service/acme-dev/web"
      && aws_appautoscaling_target.this[0].scalable_dimension == "ecs:service:DesiredCount"
      && aws_appautoscaling_target.this[0].service_namespace == "ecs"
    )
    error_message = "The limits must be those of this service."
  }

  assert {
    condition     = alltrue(values({ for key, suspended in aws_appautoscaling_target.this[0].suspended_state[0] : key => suspended }))
    error_message = "Scaling must be suspended until the first release, because there is no image before it."
  }

  assert {
    condition = [for policy in aws_appautoscaling_policy.cpu[0].target_tracking_scaling_policy_configuration : [
      policy.target_value, policy.scale_in_cooldown, policy.scale_out_cooldown,
    ]] == [[60, 300, 60]]
    error_message = "Scaling must add copies fast and remove them slowly."
  }

  assert {
    condition     = aws_appautoscaling_policy.cpu[0].policy_type == "TargetTrackingScaling" && aws_appautoscaling_policy.cpu[0].target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].predefined_metric_type == "ECSServiceAverageCPUUtilization"
    error_message = "Scaling must follow the CPU load of the service."
  }

  assert {
    condition = { for name, action in aws_appautoscaling_scheduled_action.this : name => [
      action.schedule, action.timezone, tostring(action.scalable_target_action[0].min_capacity), tostring(action.scalable_target_action[0].max_capacity), action.resource_id,
    ] } == { night = ["cron(0 20 ? * * *)", "UTC", "1", "2", "service/acme-dev/web"] }
    error_message = "The limits must change at the given time, in UTC."
  }
}

run "a_replica_set_that_is_no_letter" {
  command = plan

  variables {
    replica_set = "other"
  }

  expect_failures = [var.replica_set]
}

run "less_than_the_least" {
  command = plan

  variables {
    scaling = { min = 3, max = 2, target_cpu_percent = 60 }
  }

  expect_failures = [var.scaling]
}

run "less_than_the_least_at_night" {
  command = plan

  variables {
    scaling = { min = 1, max = 2, target_cpu_percent = 60, schedule = { night = { cron = "cron(0 20 ? * * *)", min = 3, max = 2 } } }
  }

  expect_failures = [var.scaling]
}

run "the_cron_of_unix" {
  command = plan

  variables {
    scaling = { min = 1, max = 2, target_cpu_percent = 60, schedule = { night = { cron = "0 20 * * *", min = 1, max = 2 } } }
  }

  expect_failures = [var.scaling]
}

run "a_target_that_is_never_met" {
  command = plan

  variables {
    scaling = { min = 1, max = 2, target_cpu_percent = 95 }
  }

  expect_failures = [var.scaling]
}
