mock_provider "aws" {
  mock_resource "aws_cloudwatch_log_group" {
    defaults = {
      arn = "arn:aws:logs:eu-west-1:111122223333:log-group:/acme-dev/exec"
    }
  }
}

variables {
  name        = "acme-dev"
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
}

run "sessions_leave_a_record" {
  assert {
    condition = [for configuration in aws_ecs_cluster.this.configuration[0].execute_command_configuration : [
      configuration.logging,
      configuration.kms_key_id,
      tostring(configuration.log_configuration[0].cloud_watch_encryption_enabled),
      configuration.log_configuration[0].cloud_watch_log_group_name,
    ]] == [["OVERRIDE", var.kms_key_arn, "true", aws_cloudwatch_log_group.exec.name]]
    error_message = "The input of a session must be encrypted, and recorded in the cluster's log group."
  }

  assert {
    condition     = aws_cloudwatch_log_group.exec.name == "/acme-dev/exec" && aws_cloudwatch_log_group.exec.kms_key_id == var.kms_key_arn && aws_cloudwatch_log_group.exec.retention_in_days == 30
    error_message = "The records must be encrypted with the given key, and have a limited retention."
  }

  assert {
    condition     = output.exec_log_group_arn == aws_cloudwatch_log_group.exec.arn && output.name == "acme-dev"
    error_message = "Tasks must get the ARN of the log group of sessions."
  }
}

run "spot_is_a_choice" {
  assert {
    condition = (
      aws_ecs_cluster_capacity_providers.this.cluster_name == aws_ecs_cluster.this.name
      && aws_ecs_cluster_capacity_providers.this.capacity_providers == toset(["FARGATE", "FARGATE_SPOT"])
      && [for strategy in aws_ecs_cluster_capacity_providers.this.default_capacity_provider_strategy : strategy.capacity_provider] == ["FARGATE"]
    )
    error_message = "The cluster must have both kinds of Fargate, and Spot must not be the default."
  }
}

run "measured" {
  assert {
    condition     = [for setting in aws_ecs_cluster.this.setting : "${setting.name} ${setting.value}"] == ["containerInsights enabled"]
    error_message = "Alarms use the number of copies that Container Insights sends."
  }
}

run "measured_by_task" {
  command = plan

  variables {
    container_insights = "enhanced"
    log_retention_days = 7
  }

  assert {
    condition     = [for setting in aws_ecs_cluster.this.setting : setting.value] == ["enhanced"] && aws_cloudwatch_log_group.exec.retention_in_days == 7
    error_message = "The inputs must reach the cluster."
  }
}

run "insights_that_ecs_does_not_have" {
  command = plan

  variables {
    container_insights = "on"
  }

  expect_failures = [var.container_insights]
}
