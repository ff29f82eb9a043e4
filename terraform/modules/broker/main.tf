module "names" {
  source = "../names"

  names = {
    group = { value = "${var.name}-broker", limit = 40 }
  }
}

locals {
  id             = module.names.names["group"]
  engine_version = coalesce(var.engine_version, var.engine == "redis" ? "7.1" : "8.1")
  family         = "${var.engine}${split(".", local.engine_version)[0]}"
  port           = 6379

  parameters = {
    # A full broker that evicts messages loses tasks; with noeviction it refuses new ones, and the scheduler waits.
    maxmemory-policy = "noeviction"

    # Workers wait on idle connections for hours: the broker must not close these.
    timeout = "0"

    # If a worker's host fails, its connection stays open, and a message sent to that worker is lost. The default
    # notices after 300 s.
    tcp-keepalive = "60"
  }
}

resource "aws_elasticache_subnet_group" "this" {
  name        = local.id
  description = "The data tier of ${var.name}"
  subnet_ids  = var.subnet_ids
}

resource "aws_security_group" "this" {
  name        = "${var.name}-broker"
  description = "The broker"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-broker" }
}

resource "aws_elasticache_parameter_group" "this" {
  name        = "${local.id}-${local.family}"
  family      = local.family
  description = "A queue for Celery"

  dynamic "parameter" {
    for_each = local.parameters

    content {
      name  = parameter.key
      value = parameter.value
    }
  }

  # Another major version needs another group, while the old group is still in use.
  lifecycle {
    create_before_destroy = true
  }
}

# CloudWatch has one resource policy for the whole account that lets ElastiCache write, and it is soon full. Groups with
# this prefix need no entry in it.
resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:the retention of logs is a choice of each environment
  for_each = toset(["engine-log", "slow-log"])

  name              = "/aws/vendedlogs/${var.name}/broker/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_elasticache_replication_group" "this" {
  #checkov:skip=CKV_AWS_31:the token is given as auth_token_wo, so that it is not in the state; checkov knows auth_token only
  #checkov:skip=CKV2_AWS_50:a replica is a choice of each environment; with one, failover is automatic

  replication_group_id = local.id
  description          = "Queues of ${var.name}"

  engine                     = var.engine
  engine_version             = local.engine_version
  node_type                  = var.node_type
  port                       = local.port
  parameter_group_name       = aws_elasticache_parameter_group.this.name
  auto_minor_version_upgrade = true

  # Celery does not support several shards: cluster mode stays off. Celery reads from and writes to the primary only.
  cluster_mode               = "disabled"
  num_cache_clusters         = var.replicas + 1
  automatic_failover_enabled = var.replicas > 0
  multi_az_enabled           = var.replicas > 0

  subnet_group_name  = aws_elasticache_subnet_group.this.name
  security_group_ids = [aws_security_group.this.id]

  at_rest_encryption_enabled = true
  kms_key_id                 = var.kms_key_arn
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"

  auth_token_wo              = var.auth_token
  auth_token_wo_version      = var.auth_token_version
  auth_token_update_strategy = var.auth_token_update_strategy

  snapshot_retention_limit = var.snapshot_retention_days
  maintenance_window       = var.maintenance_window
  apply_immediately        = var.apply_immediately

  dynamic "log_delivery_configuration" {
    for_each = aws_cloudwatch_log_group.this

    content {
      log_type         = log_delivery_configuration.key
      log_format       = "json"
      destination_type = "cloudwatch-logs"
      destination      = log_delivery_configuration.value.name
    }
  }
}
