mock_provider "aws" {
  mock_resource "aws_ecr_repository" {
    defaults = {
      arn            = "arn:aws:ecr:eu-west-1:111122223333:repository/acme/web"
      repository_url = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/acme/web"
    }
  }
}

variables {
  tenant      = "acme"
  account_id  = "111122223333"
  components  = ["web", "worker"]
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
}

run "a_repository_for_each_image" {
  assert {
    condition     = { for component, repository in aws_ecr_repository.this : component => repository.name } == { web = "acme/web", worker = "acme/worker" }
    error_message = "Each component must have its own repository, below the tenant's name."
  }

  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_tag_mutability == "IMMUTABLE" && !repository.force_delete])
    error_message = "A tag must never move to another image, and a repository with images must not be destroyed."
  }

  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_scanning_configuration[0].scan_on_push])
    error_message = "Each image must be scanned when it is pushed."
  }

  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.encryption_configuration[0].encryption_type == "KMS" && repository.encryption_configuration[0].kms_key == var.kms_key_arn])
    error_message = "Images must be encrypted with the given key."
  }

  assert {
    condition     = output.repositories["web"] == { url = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/acme/web", arn = "arn:aws:ecr:eu-west-1:111122223333:repository/acme/web" }
    error_message = "The outputs must have the URL and the ARN."
  }
}

run "no_other_account" {
  assert {
    condition = alltrue([
      for policy in aws_ecr_repository_policy.this : [for statement in jsondecode(policy.policy).Statement : jsonencode(statement)] == [jsonencode({
        Sid       = "OnlyThisAccount"
        Effect    = "Deny"
        Principal = "*"
        Action    = "ecr:*"
        Condition = {
          StringNotEquals = { "aws:PrincipalAccount" = "111122223333" }
          Bool            = { "aws:PrincipalIsAWSService" = "false" }
        }
      })]
    ]) && keys(aws_ecr_repository_policy.this) == ["web", "worker"]
    error_message = "Every repository must refuse other accounts, and its policy must allow nothing."
  }
}

run "old_images_end" {
  assert {
    condition = alltrue([
      for policy in aws_ecr_lifecycle_policy.this : [
        for rule in jsondecode(policy.policy).rules : "${rule.rulePriority} ${rule.selection.tagStatus} ${rule.selection.countType} ${rule.selection.countNumber} ${rule.action.type}"
      ] == ["1 untagged sinceImagePushed 14 expire", "2 any imageCountMoreThan 200 expire"]
    ])
    error_message = "Untagged images must expire after two weeks, and the newest 200 images must stay."
  }

  # ECR refuses keys that are null.
  assert {
    condition     = alltrue([for policy in aws_ecr_lifecycle_policy.this : length(regexall("null", policy.policy)) == 0])
    error_message = "No key of a rule may be null."
  }
}

run "an_account_that_may_lose_images" {
  command = plan

  variables {
    force_delete = true
    keep_images  = 10
  }

  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.force_delete]) && jsondecode(aws_ecr_lifecycle_policy.this["web"].policy).rules[1].selection.countNumber == 10
    error_message = "The inputs must reach the repositories."
  }
}

run "component_in_capitals" {
  command = plan

  variables {
    components = ["Web"]
  }

  expect_failures = [var.components]
}

run "too_few_images_to_go_back" {
  command = plan

  variables {
    keep_images = 9
  }

  expect_failures = [var.keep_images]
}
