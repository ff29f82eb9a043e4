mock_provider "aws" {
  mock_resource "aws_cloudwatch_log_group" {
    defaults = {
      arn = "arn:aws:logs:eu-west-1:111122223333:log-group:/acme-dev/scheduler"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::111122223333:role/acme-dev/a-role"
    }
  }

  mock_resource "aws_ecs_task_definition" {
    defaults = {
      arn = "arn:aws:ecs:eu-west-1:111122223333:task-definition/acme-dev-scheduler:1"
    }
  }
}

variables {
  name                     = "acme-dev"
  service                  = "scheduler"
  region                   = "eu-west-1"
  account_id               = "111122223333"
  vpc_id                   = "vpc-1"
  image                    = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/acme/scheduler"
  repository_arn           = "arn:aws:ecr:eu-west-1:111122223333:repository/acme/scheduler"
  command                  = ["airflow", "scheduler"]
  environment              = { B = "2", A = "1" }
  kms_key_arn              = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
  permissions_boundary_arn = "arn:aws:iam::111122223333:policy/acme-boundary"
  cpu                      = 1024
  memory                   = 4096

  secrets = {
    FERNET_KEY = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:acme-dev/fernet-key-AbCdEf"
    PASSWORD   = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:rds!db-1-AbCdEf:password::"
    USERNAME   = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:rds!db-1-AbCdEf:username::"
  }

  dags = {
    file_system_id   = "fs-0123456789abcdef0"
    file_system_arn  = "arn:aws:elasticfilesystem:eu-west-1:111122223333:file-system/fs-0123456789abcdef0"
    access_point_id  = "fsap-0123456789abcdef0"
    access_point_arn = "arn:aws:elasticfilesystem:eu-west-1:111122223333:access-point/fsap-0123456789abcdef0"
  }
}

run "the_container_can_change_little" {
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem && !jsondecode(aws_ecs_task_definition.this.container_definitions)[0].privileged
    error_message = "The root file system must be read-only, and the container must not be privileged."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].user == "50000:0"
    error_message = "The container must not run as root."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].linuxParameters == { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }
    error_message = "Linux capabilities must be dropped, and the first process must reap the others."
  }

  assert {
    condition = { for mount in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].mountPoints : mount.containerPath => mount.readOnly } == {
      "/tmp"              = false
      "/opt/airflow/work" = false
      "/opt/airflow/dags" = true
    }
    error_message = "Only the needed paths may be writable, and DAGs must not be."
  }

  assert {
    condition     = toset([for volume in aws_ecs_task_definition.this.volume : volume.name]) == toset([for mount in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].mountPoints : mount.sourceVolume])
    error_message = "Each mount must have its volume."
  }
}

run "secrets_by_reference" {
  assert {
    condition     = { for secret in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].secrets : secret.name => secret.valueFrom } == { for name, arn in var.secrets : name => arn }
    error_message = "Each secret must be a reference, never a value."
  }

  assert {
    condition     = [for variable in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment : "${variable.name}=${variable.value}"] == ["A=1", "B=2"]
    error_message = "Plain variables must be exactly the given ones, in a fixed order."
  }

  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.execution.policy).Statement : statement.Sid => jsonencode([statement.Action, statement.Resource]) } == {
      Login      = jsonencode([["ecr:GetAuthorizationToken"], ["*"]])
      Pull       = jsonencode([["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], [var.repository_arn]])
      Logs       = jsonencode([["logs:CreateLogStream", "logs:PutLogEvents"], ["arn:aws:logs:eu-west-1:111122223333:log-group:/acme-dev/scheduler:*"]])
      SecretsKey = jsonencode([["kms:Decrypt"], [var.kms_key_arn]])
      Secrets = jsonencode([["secretsmanager:GetSecretValue"], [
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:acme-dev/fernet-key-AbCdEf",
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:rds!db-1-AbCdEf",
      ]])
    }
    error_message = "ECS must be able to start this task with its own image, secrets and logs, and nothing else."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.execution.policy).Statement : statement.Condition.StringEquals if statement.Sid == "SecretsKey"] == [{ "kms:ViaService" = "secretsmanager.eu-west-1.amazonaws.com" }]
    error_message = "The key may decrypt secrets only."
  }
}

run "roles_inside_the_boundary" {
  assert {
    condition = alltrue([
      for role in [aws_iam_role.execution, aws_iam_role.task] : role.permissions_boundary == "arn:aws:iam::111122223333:policy/acme-boundary" && role.path == "/acme-dev/"
    ])
    error_message = "Both roles must have the boundary, and the path of their environment."
  }

  assert {
    condition = alltrue([
      for role in [aws_iam_role.execution, aws_iam_role.task] : jsondecode(role.assume_role_policy).Statement[0].Principal == { Service = "ecs-tasks.amazonaws.com" }
      && jsondecode(role.assume_role_policy).Statement[0].Condition == {
        ArnLike      = { "aws:SourceArn" = "arn:aws:ecs:eu-west-1:111122223333:*" }
        StringEquals = { "aws:SourceAccount" = "111122223333" }
      }
    ])
    error_message = "Only tasks of this account may assume the roles."
  }

  assert {
    condition     = aws_iam_role.execution.name == "acme-dev-scheduler-execution" && aws_iam_role.task.name == "acme-dev-scheduler-task"
    error_message = "There must be an execution role and a task role."
  }
}

run "who_reads_dags_does_not_write_them" {
  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.task[0].policy).Statement : jsonencode(statement)] == [jsonencode({
      Sid       = "Dags"
      Effect    = "Allow"
      Action    = ["elasticfilesystem:ClientMount"]
      Resource  = [var.dags.file_system_arn]
      Condition = { StringEquals = { "elasticfilesystem:AccessPointArn" = var.dags.access_point_arn } }
    })]
    error_message = "A reader may mount through its access point, and not write."
  }

  assert {
    condition = [for volume in aws_ecs_task_definition.this.volume : [
      volume.efs_volume_configuration[0].file_system_id,
      volume.efs_volume_configuration[0].transit_encryption,
      volume.efs_volume_configuration[0].authorization_config[0].access_point_id,
      volume.efs_volume_configuration[0].authorization_config[0].iam,
    ] if volume.name == "dags"] == [["fs-0123456789abcdef0", "ENABLED", "fsap-0123456789abcdef0", "ENABLED"]]
    error_message = "DAGs must come over TLS, through the access point, with IAM authorization."
  }
}

run "fargate" {
  assert {
    condition = (
      aws_ecs_task_definition.this.requires_compatibilities == toset(["FARGATE"])
      && aws_ecs_task_definition.this.network_mode == "awsvpc"
      && aws_ecs_task_definition.this.cpu == "1024"
      && aws_ecs_task_definition.this.memory == "4096"
      && aws_ecs_task_definition.this.runtime_platform[0].cpu_architecture == "ARM64"
      && aws_ecs_task_definition.this.skip_destroy
    )
    error_message = "It must be a Fargate task on ARM, and old revisions must stay."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].stopTimeout == 30 && !can(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].healthCheck)
    error_message = "The stop grace period must be half a minute; without a command there must be no health check."
  }

  assert {
    condition     = output.task_role_arn == aws_iam_role.task.arn && output.execution_role_arn == aws_iam_role.execution.arn && aws_ecs_task_definition.this.family == "acme-dev-scheduler" && output.family == "acme-dev-scheduler"
    error_message = "The outputs must be those of the roles and the family."
  }
}

run "logs" {
  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/acme-dev/scheduler" && aws_cloudwatch_log_group.this.kms_key_id == var.kms_key_arn && aws_cloudwatch_log_group.this.retention_in_days == 30 && output.log_group_name == "/acme-dev/scheduler"
    error_message = "Logs must be encrypted with the given key, and have a limited retention."
  }

  assert {
    condition = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].logConfiguration == {
      logDriver = "awslogs"
      options = {
        awslogs-group         = "/acme-dev/scheduler"
        awslogs-region        = "eu-west-1"
        awslogs-stream-prefix = "scheduler"
        mode                  = "non-blocking"
        max-buffer-size       = "25m"
      }
    }
    error_message = "Output of the container must reach its log group, and logging must never block the container."
  }
}

run "a_group_without_rules" {
  assert {
    condition     = length(aws_security_group.this.ingress) == 0 && length(aws_security_group.this.egress) == 0 && output.security_group_id == aws_security_group.this.id && aws_security_group.this.vpc_id == "vpc-1"
    error_message = "The security group must have no rules of its own."
  }
}

run "the_one_that_writes_dags" {
  variables {
    service = "controller"
    dags = {
      file_system_id   = "fs-0123456789abcdef0"
      file_system_arn  = "arn:aws:elasticfilesystem:eu-west-1:111122223333:file-system/fs-0123456789abcdef0"
      access_point_id  = "fsap-0123456789abcdef1"
      access_point_arn = "arn:aws:elasticfilesystem:eu-west-1:111122223333:access-point/fsap-0123456789abcdef1"
      path             = "/dags"
      write            = true
    }
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.task[0].policy).Statement[0].Action == ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
    error_message = "The writer must be able to write."
  }

  assert {
    condition     = { for mount in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].mountPoints : mount.containerPath => mount.readOnly if mount.sourceVolume == "dags" } == { "/dags" = false }
    error_message = "The writer's mount must be writable, at the given path."
  }
}

run "sessions" {
  variables {
    exec = { log_group_arn = "arn:aws:logs:eu-west-1:111122223333:log-group:/acme-dev/exec" }
  }

  assert {
    condition     = length([for path in ["/var/lib/amazon", "/var/log/amazon"] : path if contains([for mount in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].mountPoints : mount.containerPath], path)]) == 2
    error_message = "The paths that ECS Exec writes to must be writable."
  }

  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.task[0].policy).Statement : statement.Sid => statement.Resource if startswith(statement.Sid, "Exec") } == {
      Exec          = ["*"]
      ExecLogGroups = ["*"]
      ExecLogs      = ["arn:aws:logs:eu-west-1:111122223333:log-group:/acme-dev/exec:*"]
      ExecKey       = [var.kms_key_arn]
    }
    error_message = "Sessions must be recorded in their log group and encrypted with the key."
  }
}

run "a_task_that_may_do_nothing" {
  variables {
    service = "idle"
    secrets = {}
    dags    = null
  }

  assert {
    condition     = length(aws_iam_role_policy.task) == 0 && length(aws_iam_role_policy_attachment.task) == 0
    error_message = "AWS refuses a policy without statements."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.execution.policy).Statement : statement.Sid] == ["Login", "Pull", "Logs"]
    error_message = "Without secrets, ECS may read none and needs no key."
  }
}

run "what_the_company_adds" {
  command = plan

  variables {
    service     = "worker-heavy"
    policy_arns = ["arn:aws:iam::111122223333:policy/warehouse"]
    dags        = null
    statements = [{
      Sid      = "TaskLogs"
      Effect   = "Allow"
      Action   = ["s3:PutObject"]
      Resource = ["arn:aws:s3:::acme-dev-task-logs/*"]
    }]
  }

  assert {
    condition     = keys(aws_iam_role_policy_attachment.task) == ["arn:aws:iam::111122223333:policy/warehouse"]
    error_message = "The task role must have the company's policies."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.task[0].policy).Statement : statement.Sid] == ["TaskLogs"]
    error_message = "The container must have the added permissions, and no others."
  }
}

run "health_and_ports" {
  variables {
    ports          = [8080, 8793]
    health_command = ["airflow-health", "web"]
    stop_grace_s   = 120
    architecture   = "x86_64"
    kernel         = { "net.ipv4.tcp_retries2" = "5" }
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].systemControls == [{ namespace = "net.ipv4.tcp_retries2", value = "5" }]
    error_message = "Kernel parameters must reach the container."
  }

  assert {
    condition     = [for port in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].portMappings : port.containerPort] == [8080, 8793]
    error_message = "Each port must be open in the container."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].healthCheck.command == ["CMD", "airflow-health", "web"]
    error_message = "The command must run without a shell."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].stopTimeout == 120 && aws_ecs_task_definition.this.runtime_platform[0].cpu_architecture == "X86_64"
    error_message = "The inputs must reach the task."
  }
}

run "a_name_of_full_length" {
  command = plan

  variables {
    name    = "a23456789-b23456789-c23456789-d23456789-e"
    service = "worker-of-a-class-with-a-long-name"
  }

  assert {
    condition     = length(aws_iam_role.task.name) <= 64 && length(aws_iam_role.execution.name) <= 64 && aws_iam_role.task.name != aws_iam_role.execution.name
    error_message = "IAM allows 64 characters."
  }
}

run "service_in_capitals" {
  command = plan

  variables {
    service = "Scheduler"
  }

  expect_failures = [var.service]
}

run "nothing_to_run" {
  command = plan

  variables {
    command = []
  }

  expect_failures = [var.command]
}

run "root" {
  command = plan

  variables {
    user = "0:0"
  }

  expect_failures = [var.user]
}

run "cpu_that_fargate_does_not_offer" {
  command = plan

  variables {
    cpu = 3072
  }

  expect_failures = [var.cpu]
}

run "memory_that_fargate_does_not_offer_for_the_cpu" {
  command = plan

  variables {
    memory = 9216
  }

  expect_failures = [var.memory]
}

run "unknown_processor" {
  command = plan

  variables {
    architecture = "riscv"
  }

  expect_failures = [var.architecture]
}

run "longer_than_fargate_waits" {
  command = plan

  variables {
    stop_grace_s = 121
  }

  expect_failures = [var.stop_grace_s]
}

run "a_kernel_that_others_share" {
  command = plan

  variables {
    kernel = { "vm.swappiness" = "1" }
  }

  expect_failures = [var.kernel]
}

run "no_time_to_stop" {
  command = plan

  variables {
    stop_grace_s = 1
  }

  expect_failures = [var.stop_grace_s]
}
