# The resources that the environments of one account share: image repositories, the bucket for DAG releases, and the
# budget.

locals {
  name = "${var.tenant}-shared"
}

module "encryption" {
  source = "../../modules/encryption"

  name       = local.name
  account_id = var.account_id
  region     = var.region
}

module "registry" {
  source = "../../modules/registry"

  tenant       = var.tenant
  account_id   = var.account_id
  components   = var.components
  kms_key_arn  = module.encryption.key_arn
  force_delete = !var.production
}

# DAG releases that pipelines create. Records of releases are next to the states, in the bucket of the stack bootstrap.
module "artifacts" {
  source = "../../modules/bucket"

  bucket        = "${var.tenant}-artifacts-${var.account_id}-${var.region}"
  kms_key_arn   = module.encryption.key_arn
  force_destroy = !var.production
}

module "budget" {
  source = "../../modules/budget"
  count  = var.monthly_budget_usd == null ? 0 : 1

  name        = "${var.tenant}-${var.account}"
  monthly_usd = var.monthly_budget_usd
  emails      = var.alert_emails
}
