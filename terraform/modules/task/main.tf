# The parts of a task that must exist before a service runs it: definition, log group, security group. Roles are in
# roles.tf.

module "names" {
  source = "../names"

  names = {
    execution = { value = "${local.full_name}-execution", limit = 64 }
    task      = { value = "${local.full_name}-task", limit = 64 }
  }
}

locals {
  full_name = "${var.name}-${var.service}"

  # The root file system is read-only. Airflow, Python and ECS Exec write to these paths, each a volume that ends with
  # the task (aws/containers-roadmap#1359 has the paths of ECS Exec).
  writable = merge(
    {
      tmp     = "/tmp"
      airflow = "/opt/airflow/work"
    },
    var.exec == null ? {} : {
      ssm-lib = "/var/lib/amazon"
      ssm-log = "/var/log/amazon"
    },
  )

  mounts = concat(
    [for volume, path in local.writable : { sourceVolume = volume, containerPath = path, readOnly = false }],
    [for dags in var.dags[*] : { sourceVolume = "dags", containerPath = dags.path, readOnly = !dags.write }],
  )

  container = {
    name                   = var.service
    image                  = var.image
    command                = var.command
    essential              = true
    user                   = var.user
    readonlyRootFilesystem = true
    privileged             = false
    stopTimeout            = var.stop_grace_s
    environment            = [for key in sort(keys(var.environment)) : { name = key, value = var.environment[key] }]
    secrets                = [for key in sort(keys(var.secrets)) : { name = key, valueFrom = var.secrets[key] }]
    mountPoints            = local.mounts

    # The first process forwards signals and reaps ended processes of Airflow.
    linuxParameters = { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }

    systemControls = [for name in sort(keys(var.kernel)) : { namespace = name, value = var.kernel[name] }]

    portMappings = [for port in var.ports : { containerPort = port, hostPort = port, protocol = "tcp" }]

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.this.name
        "awslogs-region"        = var.region
        "awslogs-stream-prefix" = var.service

        # If a service logs faster than CloudWatch accepts, it loses lines instead of blocking.
        "mode"            = "non-blocking"
        "max-buffer-size" = "25m"
      }
    }
  }

  health = var.health_command == null ? {} : {
    healthCheck = {
      command     = concat(["CMD"], var.health_command)
      interval    = 15
      timeout     = 10
      retries     = 4
      startPeriod = 120
    }
  }
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:the retention of logs is a choice of each environment
  name              = "/${var.name}/${var.service}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

# A template: everything but the digest of the image. `tradewind release` registers the revision that runs.
resource "aws_ecs_task_definition" "this" {
  family                   = local.full_name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  container_definitions    = jsonencode([merge(local.container, local.health)])

  # A release may be rolled back to an old revision.
  skip_destroy = true

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = upper(var.architecture)
  }

  dynamic "volume" {
    for_each = local.writable

    content {
      name = volume.key
    }
  }

  dynamic "volume" {
    for_each = var.dags[*]

    content {
      name = "dags"

      efs_volume_configuration {
        file_system_id     = volume.value.file_system_id
        transit_encryption = "ENABLED"

        authorization_config {
          access_point_id = volume.value.access_point_id
          iam             = "ENABLED"
        }
      }
    }
  }
}

resource "aws_security_group" "this" {
  #checkov:skip=CKV2_AWS_5:the service that runs this task attaches it
  name        = local.full_name
  description = "The service ${var.service}"
  vpc_id      = var.vpc_id

  tags = { Name = local.full_name }
}
