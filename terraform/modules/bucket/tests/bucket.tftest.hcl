mock_provider "aws" {
  mock_resource "aws_s3_bucket" {
    defaults = {
      id = "acme-dev-task-logs-111122223333"
    }
  }
}

variables {
  bucket      = "acme-dev-task-logs-111122223333"
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
}

run "nobody_else_gets_in" {
  assert {
    condition = (
      aws_s3_bucket_public_access_block.this.block_public_acls
      && aws_s3_bucket_public_access_block.this.block_public_policy
      && aws_s3_bucket_public_access_block.this.ignore_public_acls
      && aws_s3_bucket_public_access_block.this.restrict_public_buckets
      && aws_s3_bucket_public_access_block.this.bucket == aws_s3_bucket.this.id
    )
    error_message = "All four kinds of public access must be blocked."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "Only policies must control access, not ACLs."
  }

  assert {
    condition = jsondecode(aws_s3_bucket_policy.this.policy).Statement == [{
      Sid       = "OnlyTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:aws:s3:::acme-dev-task-logs-111122223333", "arn:aws:s3:::acme-dev-task-logs-111122223333/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "The bucket and its objects must refuse every request without TLS, and the policy must allow nothing."
  }
}

run "encrypted_with_the_key" {
  assert {
    condition = [for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule : [
      rule.bucket_key_enabled,
      rule.apply_server_side_encryption_by_default[0].sse_algorithm,
      rule.apply_server_side_encryption_by_default[0].kms_master_key_id,
    ]] == [[true, "aws:kms", var.kms_key_arn]]
    error_message = "Objects must be encrypted with the given key, and one data key must serve many of them."
  }
}

run "versions" {
  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled" && !aws_s3_bucket.this.force_destroy
    error_message = "By default, the bucket must keep overwritten and deleted objects."
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this.rule : "${rule.id} ${rule.status}"] == ["unfinished Enabled", "old-versions Enabled"]
    error_message = "Only unfinished uploads and old versions must expire."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this.rule[1].noncurrent_version_expiration[0].noncurrent_days == 90
    error_message = "The bucket must keep an old version for 90 days."
  }
}

run "logs_without_versions_that_end" {
  variables {
    versioned     = false
    expire_days   = 30
    force_destroy = true
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Suspended" && aws_s3_bucket.this.force_destroy
    error_message = "The inputs must reach the bucket."
  }

  assert {
    condition     = { for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.id => try(rule.expiration[0].days, 0) } == { unfinished = 0, expire = 30 }
    error_message = "Objects must expire after the given days; without versioning there must be no rule about old versions."
  }
}

run "without_a_key" {
  command = plan

  variables {
    kms_key_arn = null
  }

  assert {
    condition = [for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule : [
      tostring(rule.bucket_key_enabled), rule.apply_server_side_encryption_by_default[0].sse_algorithm,
    ]] == [["false", "AES256"]]
    error_message = "Without a key, S3 must encrypt with its own key."
  }
}

run "further_statements" {
  command = plan

  variables {
    statements = [{
      Sid       = "LoadBalancers"
      Effect    = "Allow"
      Principal = { Service = "logdelivery.elasticloadbalancing.amazonaws.com" }
      Action    = "s3:PutObject"
      Resource  = "arn:aws:s3:::acme-dev-task-logs-111122223333/*"
    }]
  }

  assert {
    condition     = [for statement in jsondecode(aws_s3_bucket_policy.this.policy).Statement : "${statement.Sid} ${statement.Effect}"] == ["OnlyTls Deny", "LoadBalancers Allow"]
    error_message = "Further statements must be added, and TLS must stay required."
  }
}

run "name_in_capitals" {
  command = plan

  variables {
    bucket = "Acme-dev"
  }

  expect_failures = [var.bucket]
}

run "name_of_64_characters" {
  command = plan

  variables {
    bucket = "a23456789-b23456789-c23456789-d23456789-e23456789-f23456789-g234"
  }

  expect_failures = [var.bucket]
}
