# Each description names the sender of the metric: AWS, except for metrics of the namespace Tradewind, which the
# controller sends. These alarms exist only if a controller runs.

locals {
  common = {
    comparison = "GreaterThanThreshold"
    statistic  = "Maximum"
    periods    = 5
    missing    = "notBreaching"
  }

  load_balancer_alarms = merge([for name, suffix in var.load_balancers : {
    "${name}-5xx" = {
      description = "Services behind the load balancer ${name} answered requests with an error. Sent by Elastic Load Balancing."
      namespace   = "AWS/ApplicationELB"
      metric      = "HTTPCode_Target_5XX_Count"
      dimensions  = { LoadBalancer = suffix }
      statistic   = "Sum"
      threshold   = 10
    }
    "${name}-unanswered" = {
      description = "The load balancer ${name} answered requests with an error, because no healthy target took them. Sent by Elastic Load Balancing."
      namespace   = "AWS/ApplicationELB"
      metric      = "HTTPCode_ELB_5XX_Count"
      dimensions  = { LoadBalancer = suffix }
      statistic   = "Sum"
      threshold   = 10
    }
  }]...)

  target_alarms = { for name, group in var.target_groups : "${name}-unhealthy" => {
    description = "Copies fail their health check. Sent by Elastic Load Balancing."
    namespace   = "AWS/ApplicationELB"
    metric      = "UnHealthyHostCount"
    dimensions  = { LoadBalancer = group.load_balancer, TargetGroup = group.arn_suffix }
    threshold   = 0
  } }

  service_alarms = { for name, minimum in var.services : "${name}-copies" => {
    description = "Fewer copies of ${name} run than the minimum. Sent by ECS Container Insights."
    namespace   = "ECS/ContainerInsights"
    metric      = "RunningTaskCount"
    dimensions  = { ClusterName = var.cluster_name, ServiceName = name }
    comparison  = "LessThanThreshold"
    statistic   = "Minimum"
    threshold   = minimum
    periods     = 10
  } if minimum > 0 }

  database_alarms = {
    database-cpu = {
      description = "The database's CPU load is above 80 %. Sent by RDS."
      namespace   = "AWS/RDS"
      metric      = "CPUUtilization"
      dimensions  = { DBInstanceIdentifier = var.database.identifier }
      statistic   = "Average"
      threshold   = 80
      periods     = 15
    }
    database-storage = {
      description = "Less than 15 % of the database's storage is free. Sent by RDS."
      namespace   = "AWS/RDS"
      metric      = "FreeStorageSpace"
      dimensions  = { DBInstanceIdentifier = var.database.identifier }
      comparison  = "LessThanThreshold"
      statistic   = "Minimum"
      threshold   = var.database.storage_gb * 1024 * 1024 * 1024 * 15 / 100
    }
    database-memory = {
      description = "The database is short of memory: less than 128 MiB is free. Sent by RDS."
      namespace   = "AWS/RDS"
      metric      = "FreeableMemory"
      dimensions  = { DBInstanceIdentifier = var.database.identifier }
      comparison  = "LessThanThreshold"
      statistic   = "Minimum"
      threshold   = 128 * 1024 * 1024
    }
  }

  # The broker never evicts messages, so a full broker refuses new tasks.
  broker_alarms = merge([for index, id in var.broker_node_ids : {
    "broker-${index}-memory" = {
      description = "More than 75 % of the broker's memory is used; a full broker refuses new tasks. Sent by ElastiCache."
      namespace   = "AWS/ElastiCache"
      metric      = "DatabaseMemoryUsagePercentage"
      dimensions  = { CacheClusterId = id }
      threshold   = 75
    }
    "broker-${index}-cpu" = {
      description = "The broker's main thread is busy for more than 80 % of the time. Sent by ElastiCache."
      namespace   = "AWS/ElastiCache"
      metric      = "EngineCPUUtilization"
      dimensions  = { CacheClusterId = id }
      statistic   = "Average"
      threshold   = 80
      periods     = 10
    }
  }]...)

  # ECS does not restart these services if their heartbeat stops: the database may be the cause, and a new copy would
  # not help.
  heartbeats = { scheduler = "Scheduler", dag-processor = "DagProcessor", triggerer = "Triggerer" }

  heartbeat_alarms = { for service, metric in local.heartbeats : "${service}-heartbeat" => {
    description = "No ${service} has written a heartbeat for two minutes. Sent by the controller."
    namespace   = "Tradewind"
    metric      = "${metric}HeartbeatAge"
    dimensions  = { Environment = var.name }
    threshold   = 120
    periods     = 3
    missing     = "breaching"
  } if var.controller }

  connection_alarms = { for name, alarm in {
    broker-connection = {
      description = "The broker takes no message: it is unavailable, fails over, or is full. Sent by the controller."
      metric      = "BrokerAway"
    }
    database-connection = {
      description = "The database does not answer the controller. Sent by the controller."
      metric      = "DatabaseAway"
    }
    workers-lost = {
      description = "Workers run but take no tasks, and have not replied over the broker for five minutes. Sent by the controller."
      metric      = "WorkersLost"
    }
    } : name => merge(alarm, {
      namespace  = "Tradewind"
      dimensions = { Environment = var.name }
      threshold  = 0
      periods    = 2
  }) if var.controller }

  queue_alarms = { for name, alarm in {
    queue-age = {
      description = "Tasks have waited in the queue for more than ten minutes. Sent by the controller."
      namespace   = "Tradewind"
      metric      = "QueueAge"
      dimensions  = { Environment = var.name }
      threshold   = 600
    }
  } : name => alarm if var.controller }

  alarms = merge(
    { for name, alarm in local.load_balancer_alarms : name => merge(local.common, alarm) },
    { for name, alarm in local.target_alarms : name => merge(local.common, alarm) },
    { for name, alarm in local.service_alarms : name => merge(local.common, alarm) },
    { for name, alarm in local.database_alarms : name => merge(local.common, alarm) },
    { for name, alarm in local.broker_alarms : name => merge(local.common, alarm) },
    { for name, alarm in local.queue_alarms : name => merge(local.common, alarm) },
    { for name, alarm in local.connection_alarms : name => merge(local.common, alarm) },
    { for name, alarm in local.heartbeat_alarms : name => merge(local.common, alarm) },
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  comparison_operator = each.value.comparison
  statistic           = each.value.statistic
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = each.value.periods
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
