locals {
  # AWS: RDS User Guide, "instance class support for Database Insights", RDS for MySQL.
  performance_insights = var.performance_insights && !can(regex("^db\\.(t2|t3|t4g)\\.(micro|small)$", var.instance_class))

  monitoring = var.monitoring_interval_s > 0 ? 1 : 0
}

# The error log and the log of slow queries. RDS defines the names.
resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:the retention of logs is a choice of each environment
  for_each = toset(["error", "slowquery"])

  name              = "/aws/rds/instance/${local.identifier}/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_iam_role" "monitoring" {
  count = local.monitoring

  name                 = "${local.identifier}-monitoring"
  description          = "RDS writes metrics of the operating system with this role"
  path                 = "/${var.name}/"
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "monitoring.rds.amazonaws.com" }
      Action    = "sts:AssumeRole"

      # Only for databases of this account, against the confused deputy problem.
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  count = local.monitoring

  role       = aws_iam_role.monitoring[0].name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}
