# One file system with DAG releases. All services read and the controller writes, each through an access point of its
# own.

locals {
  # Airflow's images run as this user, in root's group.
  airflow = { uid = 50000, gid = 0 }

  access_points = toset(["read-only", "read-write"])

  # This policy only denies; the policies of roles allow. Without a policy, EFS accepts every client that reaches it
  # over the network.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "*"
        Resource  = aws_efs_file_system.this.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        # This condition is also true for a mount without an access point.
        Sid       = "OnlyThroughAccessPoints"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
        Resource  = aws_efs_file_system.this.arn
        Condition = { StringNotEquals = { "elasticfilesystem:AccessPointArn" = [for point in aws_efs_access_point.this : point.arn] } }
      },
      {
        Sid       = "OnlyOneWrites"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "elasticfilesystem:ClientWrite"
        Resource  = aws_efs_file_system.this.arn
        Condition = { StringNotEquals = { "elasticfilesystem:AccessPointArn" = aws_efs_access_point.this["read-write"].arn } }
      },
      {
        # An access point maps every client to Airflow's user.
        Sid       = "NobodyIsRoot"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "elasticfilesystem:ClientRootAccess"
        Resource  = aws_efs_file_system.this.arn
      },
    ]
  })
}

resource "aws_efs_file_system" "this" {
  creation_token = "${var.name}-dags"
  encrypted      = true
  kms_key_id     = var.kms_key_arn

  # Releases come in bursts, with hours of little traffic between them. Elastic throughput charges for transferred data
  # and has no credits that could run out.
  performance_mode = "generalPurpose"
  throughput_mode  = "elastic"

  dynamic "lifecycle_policy" {
    for_each = var.infrequent_access_after_days[*]

    content {
      transition_to_ia = lifecycle_policy.value == 1 ? "AFTER_1_DAY" : "AFTER_${lifecycle_policy.value}_DAYS"
    }
  }

  # EFS requires a block for each transition.
  dynamic "lifecycle_policy" {
    for_each = var.infrequent_access_after_days[*]

    content {
      transition_to_primary_storage_class = "AFTER_1_ACCESS"
    }
  }

  tags = { Name = "${var.name}-dags" }
}

resource "aws_efs_file_system_policy" "this" {
  file_system_id = aws_efs_file_system.this.id
  policy         = local.policy
}

resource "aws_efs_backup_policy" "this" {
  file_system_id = aws_efs_file_system.this.id

  backup_policy {
    status = "ENABLED"
  }
}

resource "aws_security_group" "this" {
  name        = "${var.name}-dag-storage"
  description = "The shared file system with DAGs"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-dag-storage" }
}

resource "aws_efs_mount_target" "this" {
  # The keys are positions: the ids of subnets are not known before these exist.
  for_each = { for zone in range(length(var.subnet_ids)) : tostring(zone) => var.subnet_ids[zone] }

  file_system_id  = aws_efs_file_system.this.id
  subnet_id       = each.value
  security_groups = [aws_security_group.this.id]
}

resource "aws_efs_access_point" "this" {
  for_each = local.access_points

  file_system_id = aws_efs_file_system.this.id

  posix_user {
    uid = local.airflow.uid
    gid = local.airflow.gid
  }

  root_directory {
    path = "/dags"

    creation_info {
      owner_uid   = local.airflow.uid
      owner_gid   = local.airflow.gid
      permissions = "0755"
    }
  }

  tags = { Name = "${var.name}-dags-${each.key}" }
}
