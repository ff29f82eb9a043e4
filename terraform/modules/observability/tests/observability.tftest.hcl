mock_provider "aws" {
  mock_resource "aws_sns_topic" {
    defaults = {
      arn = "arn:aws:sns:eu-west-1:111122223333:acme-dev-alarms"
    }
  }
}

variables {
  name            = "acme-dev"
  region          = "eu-west-1"
  account_id      = "111122223333"
  kms_key_arn     = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
  emails          = ["platform@example.com"]
  cluster_name    = "acme-dev"
  services        = { scheduler = 2, flower = 0 }
  load_balancers  = { public = "app/acme-dev-public/0123456789abcdef" }
  target_groups   = { public-web = { load_balancer = "app/acme-dev-public/0123456789abcdef", arn_suffix = "targetgroup/acme-dev-public-web/0123456789abcdef" } }
  database        = { identifier = "acme-dev-database", storage_gb = 100 }
  broker_node_ids = ["acme-dev-broker-001", "acme-dev-broker-002"]
  file_system_id  = "fs-0123456789abcdef0"
}

run "somebody_is_told" {
  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == var.kms_key_arn && output.topic_arn == aws_sns_topic.alarms.arn
    error_message = "Messages must be encrypted with the given key."
  }

  assert {
    condition = jsondecode(aws_sns_topic_policy.alarms.policy).Statement == [{
      Sid       = "Alarms"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.alarms.arn
      Condition = { StringEquals = { "aws:SourceAccount" = "111122223333" } }
    }]
    error_message = "Only alarms of this account may send."
  }

  assert {
    condition     = { for email, subscription in aws_sns_topic_subscription.email : email => "${subscription.protocol} ${subscription.topic_arn}" } == { "platform@example.com" = "email ${aws_sns_topic.alarms.arn}" }
    error_message = "Every given address must be subscribed."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset([aws_sns_topic.alarms.arn]) && alarm.ok_actions == alarm.alarm_actions])
    error_message = "Every alarm must send a message when it fires and when it clears."
  }
}

run "every_alarm_has_a_sender" {
  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.this : strcontains(alarm.alarm_description, " Sent by ${ {
        "AWS/ApplicationELB"    = "Elastic Load Balancing."
        "AWS/ElastiCache"       = "ElastiCache."
        "AWS/RDS"               = "RDS."
        "ECS/ContainerInsights" = "ECS Container Insights."
      }[alarm.namespace]}")
    ])
    error_message = "Each description must name the sender of the metric; without a controller, there must be no alarm on its metrics."
  }

  assert {
    condition = toset(output.alarm_names) == toset([for name in [
      "public-5xx", "public-unanswered", "public-web-unhealthy", "scheduler-copies",
      "database-cpu", "database-memory", "database-storage",
      "broker-0-cpu", "broker-0-memory", "broker-1-cpu", "broker-1-memory",
    ] : "acme-dev-${name}"])
    error_message = "There must be an alarm for each part, and none for a service whose minimum is zero copies."
  }
}

run "alarms_that_aws_takes" {
  # AWS: if the period is under an hour, all periods together are at most a day.
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.period * alarm.evaluation_periods <= 86400])
    error_message = "No alarm may evaluate more than AWS allows."
  }
}

run "what_they_watch" {
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["scheduler-copies"].comparison_operator == "LessThanThreshold"
      && aws_cloudwatch_metric_alarm.this["scheduler-copies"].threshold == 2
      && aws_cloudwatch_metric_alarm.this["scheduler-copies"].metric_name == "RunningTaskCount"
      && aws_cloudwatch_metric_alarm.this["scheduler-copies"].dimensions == tomap({ ClusterName = "acme-dev", ServiceName = "scheduler" })
    )
    error_message = "Fewer copies than the minimum must fire an alarm."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["broker-1-memory"].metric_name == "DatabaseMemoryUsagePercentage"
      && aws_cloudwatch_metric_alarm.this["broker-1-memory"].dimensions == tomap({ CacheClusterId = "acme-dev-broker-002" })
      && aws_cloudwatch_metric_alarm.this["broker-1-memory"].threshold < 100
      && aws_cloudwatch_metric_alarm.this["broker-1-memory"].comparison_operator == "GreaterThanThreshold"
    )
    error_message = "The alarm must fire before the broker is full."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["database-storage"].comparison_operator == "LessThanThreshold" && aws_cloudwatch_metric_alarm.this["database-storage"].threshold == 15 * 1024 * 1024 * 1024
    error_message = "Less than 15 % of free storage must fire an alarm, in bytes."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["public-web-unhealthy"].threshold == 0 && aws_cloudwatch_metric_alarm.this["public-web-unhealthy"].dimensions == tomap({ LoadBalancer = "app/acme-dev-public/0123456789abcdef", TargetGroup = "targetgroup/acme-dev-public-web/0123456789abcdef" })
    error_message = "One unhealthy copy must fire an alarm."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["public-5xx"].metric_name == "HTTPCode_Target_5XX_Count" && aws_cloudwatch_metric_alarm.this["public-5xx"].statistic == "Sum"
    error_message = "The alarm must use the sum of failures."
  }
}

run "a_dashboard" {
  assert {
    condition     = aws_cloudwatch_dashboard.this.dashboard_name == "acme-dev" && output.dashboard_name == "acme-dev" && length(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets) == 8
    error_message = "There must be a dashboard with the environment's name."
  }

  assert {
    condition     = length(distinct([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : "${widget.x} ${widget.y}"])) == 8
    error_message = "No two graphs may overlap."
  }

  assert {
    condition     = alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.properties.region == "eu-west-1" && length(widget.properties.metrics) > 0])
    error_message = "Each graph must have metrics, of this region."
  }
}

run "where_a_controller_runs" {
  command = plan

  variables {
    controller = true
  }

  assert {
    condition = { for name, alarm in aws_cloudwatch_metric_alarm.this : name => "${alarm.metric_name} ${alarm.threshold} ${alarm.treat_missing_data}" if alarm.namespace == "Tradewind" } == {
      queue-age               = "QueueAge 600 notBreaching"
      broker-connection       = "BrokerAway 0 notBreaching"
      database-connection     = "DatabaseAway 0 notBreaching"
      workers-lost            = "WorkersLost 0 notBreaching"
      scheduler-heartbeat     = "SchedulerHeartbeatAge 120 breaching"
      dag-processor-heartbeat = "DagProcessorHeartbeatAge 120 breaching"
      triggerer-heartbeat     = "TriggererHeartbeatAge 120 breaching"
    }
    error_message = "There must be alarms on the age of the queue and on heartbeats, and they must fire if the controller sends nothing."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : endswith(alarm.alarm_description, "Sent by the controller.") && alarm.dimensions == tomap({ Environment = "acme-dev" }) if alarm.namespace == "Tradewind"])
    error_message = "The descriptions must name the controller, and the dimension this environment."
  }
}

run "nobody_to_tell" {
  command = plan

  variables {
    emails = []
  }

  assert {
    condition     = length(aws_sns_topic_subscription.email) == 0
    error_message = "Without addresses there must be no subscription."
  }
}
