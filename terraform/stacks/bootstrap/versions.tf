terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0, < 7.0"
    }
  }

  # The first apply has no bucket yet: the state starts as a file, and is then moved into the bucket that this stack
  # creates.
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  dynamic "assume_role" {
    for_each = var.assume_role_arn[*]

    content {
      role_arn     = assume_role.value
      session_name = "tradewind"
    }
  }

  default_tags {
    tags = merge(var.tags, { "tradewind:tenant" = var.tenant })
  }
}
