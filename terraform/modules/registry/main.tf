# One repository for each component. Nothing replicates, and no other account may pull: the registry gets images of
# another account only by promotion, which copies them by digest.

resource "aws_ecr_repository" "this" {
  for_each = var.components

  name                 = "${var.tenant}/${each.key}"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.force_delete

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.kms_key_arn
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each = aws_ecr_repository.this

  repository = each.value.name

  # ECR refuses keys that are null, so each rule has only the keys that it needs.
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Untagged images, which a later build has replaced"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "The number of images that rollbacks may need"
        selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = var.keep_images }
        action       = { type = "expire" }
      },
    ]
  })
}

# Only this account, whatever the policies of other accounts allow.
resource "aws_ecr_repository_policy" "this" {
  for_each = aws_ecr_repository.this

  repository = each.value.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyThisAccount"
      Effect    = "Deny"
      Principal = "*"
      Action    = "ecr:*"
      Condition = {
        StringNotEquals = { "aws:PrincipalAccount" = var.account_id }
        Bool            = { "aws:PrincipalIsAWSService" = "false" }
      }
    }]
  })
}
