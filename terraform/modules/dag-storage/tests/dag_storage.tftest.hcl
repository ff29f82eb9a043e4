mock_provider "aws" {
  mock_resource "aws_efs_file_system" {
    defaults = {
      arn = "arn:aws:elasticfilesystem:eu-west-1:111122223333:file-system/fs-1"
    }
  }

  override_resource {
    target = aws_efs_access_point.this["read-only"]
    values = {
      id  = "fsap-ro"
      arn = "arn:aws:elasticfilesystem:eu-west-1:111122223333:access-point/fsap-ro"
    }
  }

  override_resource {
    target = aws_efs_access_point.this["read-write"]
    values = {
      id  = "fsap-rw"
      arn = "arn:aws:elasticfilesystem:eu-west-1:111122223333:access-point/fsap-rw"
    }
  }
}

variables {
  name        = "acme-dev"
  vpc_id      = "vpc-1"
  subnet_ids  = ["subnet-1", "subnet-2"]
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
}

run "the_file_system" {
  assert {
    condition     = aws_efs_file_system.this.encrypted && aws_efs_file_system.this.kms_key_id == var.kms_key_arn
    error_message = "Files must be encrypted with the given key."
  }

  assert {
    condition     = aws_efs_file_system.this.throughput_mode == "elastic" && aws_efs_file_system.this.performance_mode == "generalPurpose"
    error_message = "The file system must have no credits: a deployment must not wait for them."
  }

  assert {
    condition     = aws_efs_backup_policy.this.backup_policy[0].status == "ENABLED" && aws_efs_backup_policy.this.file_system_id == aws_efs_file_system.this.id
    error_message = "There must be backups."
  }

  assert {
    condition     = length(aws_efs_file_system.this.lifecycle_policy) == 0
    error_message = "By default, files must stay in the primary storage class."
  }
}

run "a_mount_target_in_each_zone" {
  assert {
    condition     = [for target in aws_efs_mount_target.this : target.subnet_id] == ["subnet-1", "subnet-2"]
    error_message = "Each zone must have a mount target."
  }

  assert {
    condition     = alltrue([for target in aws_efs_mount_target.this : target.security_groups == toset([aws_security_group.this.id]) && target.file_system_id == aws_efs_file_system.this.id])
    error_message = "Each mount target must be behind the file system's security group."
  }

  assert {
    condition     = length(aws_security_group.this.ingress) == 0 && length(aws_security_group.this.egress) == 0 && output.security_group_id == aws_security_group.this.id
    error_message = "The security group must have no rules of its own."
  }
}

run "access_points" {
  assert {
    condition = alltrue([
      for point in aws_efs_access_point.this :
      point.posix_user[0].uid == 50000
      && point.posix_user[0].gid == 0
      && point.root_directory[0].path == "/dags"
      && point.root_directory[0].creation_info[0].owner_uid == 50000
      && point.root_directory[0].creation_info[0].owner_gid == 0
      && point.root_directory[0].creation_info[0].permissions == "0755"
      && point.file_system_id == aws_efs_file_system.this.id
    ])
    error_message = "Both access points must show /dags as Airflow's user, which owns it."
  }

  assert {
    condition = (
      output.read_only_access_point == { id = "fsap-ro", arn = "arn:aws:elasticfilesystem:eu-west-1:111122223333:access-point/fsap-ro" }
      && output.read_write_access_point == { id = "fsap-rw", arn = "arn:aws:elasticfilesystem:eu-west-1:111122223333:access-point/fsap-rw" }
    )
    error_message = "Each output must be its own access point: if they were swapped, all services could write."
  }
}

run "the_policy_takes_away" {
  assert {
    condition     = aws_efs_file_system_policy.this.file_system_id == aws_efs_file_system.this.id
    error_message = "The policy must be that of the file system."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_efs_file_system_policy.this.policy).Statement :
      statement.Effect == "Deny" && statement.Principal == { AWS = "*" } && statement.Resource == aws_efs_file_system.this.arn
    ])
    error_message = "The policy must apply to every principal, and allow nothing."
  }

  assert {
    condition = { for statement in jsondecode(aws_efs_file_system_policy.this.policy).Statement : statement.Sid => jsonencode([statement.Action, try(statement.Condition, null)]) } == {
      OnlyTls = jsonencode(["*", { Bool = { "aws:SecureTransport" = "false" } }])
      OnlyThroughAccessPoints = jsonencode([["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"], { StringNotEquals = { "elasticfilesystem:AccessPointArn" = [
        "arn:aws:elasticfilesystem:eu-west-1:111122223333:access-point/fsap-ro",
        "arn:aws:elasticfilesystem:eu-west-1:111122223333:access-point/fsap-rw",
      ] } }])
      OnlyOneWrites = jsonencode(["elasticfilesystem:ClientWrite", { StringNotEquals = {
        "elasticfilesystem:AccessPointArn" = "arn:aws:elasticfilesystem:eu-west-1:111122223333:access-point/fsap-rw"
      } }])
      NobodyIsRoot = jsonencode(["elasticfilesystem:ClientRootAccess", null])
    }
    error_message = "The policy must deny connections without TLS or access point, writes through the wrong access point, and root access."
  }
}

run "a_third_zone_leaves_the_others_alone" {
  variables {
    subnet_ids = ["subnet-1", "subnet-2", "subnet-3"]
  }

  assert {
    condition     = [for target in aws_efs_mount_target.this : target.subnet_id] == ["subnet-1", "subnet-2", "subnet-3"] && keys(aws_efs_mount_target.this) == ["0", "1", "2"]
    error_message = "A new zone must add a mount target and not change the others."
  }
}

run "cheaper_storage" {
  command = plan

  variables {
    name                         = "acme-cheap"
    infrequent_access_after_days = 30
  }

  assert {
    condition     = [for policy in aws_efs_file_system.this.lifecycle_policy : coalesce(policy.transition_to_ia, policy.transition_to_primary_storage_class)] == ["AFTER_30_DAYS", "AFTER_1_ACCESS"]
    error_message = "Files must move after the given days, and return when they are read, in a block each."
  }
}

run "cheaper_storage_after_a_day" {
  command = plan

  variables {
    name                         = "acme-cheap"
    infrequent_access_after_days = 1
  }

  assert {
    condition     = aws_efs_file_system.this.lifecycle_policy[0].transition_to_ia == "AFTER_1_DAY"
    error_message = "EFS uses DAY for one day."
  }
}

run "days_that_efs_does_not_offer" {
  command = plan

  variables {
    infrequent_access_after_days = 31
  }

  expect_failures = [var.infrequent_access_after_days]
}

run "no_subnet" {
  command = plan

  variables {
    subnet_ids = []
  }

  expect_failures = [var.subnet_ids]
}

run "name_with_two_dashes" {
  command = plan

  variables {
    name = "acme--dev"
  }

  expect_failures = [var.name]
}
