terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # auth_token_wo came late in version 6.
      version = ">= 6.69, < 7.0"
    }
  }
}
