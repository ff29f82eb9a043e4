# The topic, its subscriptions and the dashboard. The alarms are in alarms.tf.

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.kms_key_arn
}

resource "aws_sns_topic_policy" "alarms" {
  arn = aws_sns_topic.alarms.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Alarms"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.alarms.arn
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.emails

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

locals {
  widgets = [
    {
      title   = "Running copies"
      metrics = [for name in sort(keys(var.services)) : ["ECS/ContainerInsights", "RunningTaskCount", "ClusterName", var.cluster_name, "ServiceName", name]]
      stat    = "Average"
    },
    {
      title   = "CPU of services, percent"
      metrics = [for name in sort(keys(var.services)) : ["AWS/ECS", "CPUUtilization", "ClusterName", var.cluster_name, "ServiceName", name]]
      stat    = "Average"
    },
    {
      title   = "Memory of services, percent"
      metrics = [for name in sort(keys(var.services)) : ["AWS/ECS", "MemoryUtilization", "ClusterName", var.cluster_name, "ServiceName", name]]
      stat    = "Maximum"
    },
    {
      title = "Requests, and failed requests"
      metrics = concat([for suffix in values(var.load_balancers) : [
        ["AWS/ApplicationELB", "RequestCount", "LoadBalancer", suffix],
        ["AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "LoadBalancer", suffix],
      ]]...)
      stat = "Sum"
    },
    {
      title   = "Response time, p95, seconds"
      metrics = [for suffix in values(var.load_balancers) : ["AWS/ApplicationELB", "TargetResponseTime", "LoadBalancer", suffix]]
      stat    = "p95"
    },
    {
      title = "Database"
      metrics = [
        ["AWS/RDS", "CPUUtilization", "DBInstanceIdentifier", var.database.identifier],
        ["AWS/RDS", "DatabaseConnections", "DBInstanceIdentifier", var.database.identifier],
      ]
      stat = "Average"
    },
    {
      title   = "Broker memory, percent"
      metrics = [for id in var.broker_node_ids : ["AWS/ElastiCache", "DatabaseMemoryUsagePercentage", "CacheClusterId", id]]
      stat    = "Maximum"
    },
    {
      title   = "Reads and writes of the shared file system, bytes"
      metrics = [for metric in ["DataReadIOBytes", "DataWriteIOBytes"] : ["AWS/EFS", metric, "FileSystemId", var.file_system_id]]
      stat    = "Sum"
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = [for index, widget in local.widgets : {
      type   = "metric"
      x      = (index % 2) * 12
      y      = floor(index / 2) * 6
      width  = 12
      height = 6
      properties = {
        title   = widget.title
        region  = var.region
        view    = "timeSeries"
        stat    = widget.stat
        period  = 60
        metrics = widget.metrics
      }
    }]
  })
}
