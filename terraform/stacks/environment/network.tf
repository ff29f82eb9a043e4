locals {
  name = "${var.tenant}-${var.environment}"
}

module "encryption" {
  source = "../../modules/encryption"

  name       = local.name
  account_id = var.account_id
  region     = var.region
}

module "network" {
  source = "../../modules/network"
  count  = var.network.vpc == null ? 1 : 0

  name               = local.name
  account_id         = var.account_id
  region             = var.region
  cidr               = var.network.cidr
  zones              = var.network.zones
  nat_gateways       = var.network.nat_gateways
  endpoints          = var.network.endpoints
  flow_logs          = var.network.flow_logs
  log_retention_days = var.logs.retention_days
  kms_key_arn        = module.encryption.key_arn

  permissions_boundary_arn = var.permissions_boundary_arn
}

module "placement" {
  source = "../../modules/placement"

  made     = one(module.network)
  existing = var.network.vpc
}
