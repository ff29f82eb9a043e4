mock_provider "aws" {}

variables {
  service             = "worker-heavy"
  cluster_name        = "acme-dev"
  cluster_arn         = "arn:aws:ecs:eu-west-1:111122223333:cluster/acme-dev"
  task_definition_arn = "arn:aws:ecs:eu-west-1:111122223333:task-definition/acme-dev-worker-heavy:1"
  security_group_id   = "sg-1"
  subnet_ids          = ["subnet-1", "subnet-2"]
}

run "two_that_take_turns" {
  assert {
    condition     = output.services == { a = "worker-heavy-a", b = "worker-heavy-b" }
    error_message = "A worker class must be the services a and b."
  }
}

# That the services begin with no task, and that a release may change them, is tested with the module service.
run "the_controller_counts" {
  command = plan

  assert {
    condition     = alltrue([for service in module.service : service.scaling_target == null])
    error_message = "Nothing but the controller may change the number of workers."
  }
}

run "on_spot_without_sessions" {
  command = plan

  variables {
    spot = true
    exec = false
  }

  assert {
    condition     = alltrue([for service in module.service : service.capacity_provider == "FARGATE_SPOT"])
    error_message = "Both must run on Spot where it was chosen."
  }
}

run "on_demand" {
  command = plan

  assert {
    condition     = alltrue([for service in module.service : service.capacity_provider == "FARGATE"])
    error_message = "Nothing may run on Spot unless it was chosen."
  }
}
