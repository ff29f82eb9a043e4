# The data tier: it stores everything that must not be lost, and has no route out of the VPC.

module "database" {
  source = "../../modules/database"

  name                = local.name
  account_id          = var.account_id
  vpc_id              = module.placement.vpc_id
  subnet_ids          = module.placement.data_subnet_ids
  kms_key_arn         = module.encryption.key_arn
  instance_class      = var.database.instance_class
  storage_gb          = var.database.storage_gb
  multi_az            = var.database.multi_az
  backup_days         = var.database.backup_days
  deletion_protection = var.database.deletion_protection
  log_retention_days  = var.logs.retention_days

  permissions_boundary_arn = var.permissions_boundary_arn
}

# The token is stored first and then read, so that the broker and the broker's URL always have the same token, even if a
# step in between fails.
ephemeral "aws_secretsmanager_secret_version" "broker_token" {
  secret_id = module.secret["broker-token"].arn
}

module "broker" {
  source = "../../modules/broker"

  name               = local.name
  vpc_id             = module.placement.vpc_id
  subnet_ids         = module.placement.data_subnet_ids
  kms_key_arn        = module.encryption.key_arn
  node_type          = var.broker.node_type
  replicas           = var.broker.replicas
  auth_token         = ephemeral.aws_secretsmanager_secret_version.broker_token.secret_string
  auth_token_version = lookup(var.secret_generations, "broker-token", 1)
  log_retention_days = var.logs.retention_days
}

module "dag_storage" {
  source = "../../modules/dag-storage"

  name        = local.name
  vpc_id      = module.placement.vpc_id
  subnet_ids  = module.placement.data_subnet_ids
  kms_key_arn = module.encryption.key_arn
}

module "task_logs" {
  source = "../../modules/bucket"

  bucket        = module.bucket_names.names["task-logs"]
  kms_key_arn   = module.encryption.key_arn
  versioned     = false
  expire_days   = var.logs.task_retention_days
  force_destroy = !var.production
}

# Commands to the controller, its results, and the DAG releases that it copies to the file system. The controller writes
# its lease four times a minute, so the bucket keeps no versions.
module "controller_bucket" {
  source = "../../modules/bucket"

  bucket        = module.bucket_names.names["controller"]
  kms_key_arn   = module.encryption.key_arn
  versioned     = false
  expire_days   = 90
  force_destroy = !var.production
}

module "bucket_names" {
  source = "../../modules/names"

  names = {
    task-logs   = { value = "${local.name}-task-logs-${var.account_id}", limit = 63 }
    controller  = { value = "${local.name}-controller-${var.account_id}", limit = 63 }
    access-logs = { value = "${local.name}-access-logs-${var.account_id}", limit = 63 }
  }
}

module "access_logs" {
  source = "../../modules/bucket"

  bucket        = module.bucket_names.names["access-logs"]
  versioned     = false
  expire_days   = var.logs.retention_days
  force_destroy = !var.production

  statements = [{
    Sid       = "LoadBalancers"
    Effect    = "Allow"
    Principal = { Service = "logdelivery.elasticloadbalancing.amazonaws.com" }
    Action    = "s3:PutObject"
    Resource  = "arn:aws:s3:::${module.bucket_names.names["access-logs"]}/*"
    Condition = {
      StringEquals = { "aws:SourceAccount" = var.account_id }
      ArnLike      = { "aws:SourceArn" = "arn:aws:elasticloadbalancing:${var.region}:${var.account_id}:loadbalancer/*" }
    }
  }]
}
