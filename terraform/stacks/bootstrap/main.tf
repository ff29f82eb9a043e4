# The resources that an account needs first: the state bucket, and the permissions to deploy.

locals {
  bucket = "${var.tenant}-tf-state-${var.account_id}-${var.region}"
}

resource "aws_kms_key" "state" {
  description             = "Terraform states of ${var.tenant}"
  enable_key_rotation     = true
  deletion_window_in_days = 30

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Account"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${var.account_id}:root" }
      Action    = "kms:*"
      Resource  = "*"
    }]
  })
}

resource "aws_kms_alias" "state" {
  name          = "alias/${var.tenant}-tf-state"
  target_key_id = aws_kms_key.state.key_id
}

module "states" {
  source = "../../modules/bucket"

  bucket             = local.bucket
  kms_key_arn        = aws_kms_key.state.arn
  keep_versions_days = 365
}

module "ci_access" {
  source = "../../modules/ci-access"

  tenant           = var.tenant
  account_id       = var.account_id
  region           = var.region
  principals       = var.ci_principals
  state_bucket_arn = module.states.arn
  state_key_arn    = aws_kms_key.state.arn

  boundary_arns = compact([
    "arn:aws:iam::${var.account_id}:policy/${var.tenant}-boundary",
    var.permissions_boundary_arn,
  ])
}
