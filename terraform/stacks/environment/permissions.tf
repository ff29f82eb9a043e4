# What the containers of a service may do in AWS, beyond sessions and DAGs: read and write task logs, read the
# connections and variables of this environment; workers protect themselves from being stopped; and the controller reads
# what it is asked, answers, changes how many workers there are, and sees which connections and variables there are.

locals {
  task_log_actions = {
    read  = { objects = ["s3:GetObject"], bucket = ["s3:ListBucket"], key = ["kms:Decrypt"] }
    write = { objects = ["s3:GetObject", "s3:PutObject"], bucket = ["s3:ListBucket"], key = ["kms:Decrypt", "kms:GenerateDataKey"] }
  }

  # Where Airflow's secrets backend looks.
  airflow_secrets = [
    for kind in ["connections", "variables"] :
    "arn:aws:secretsmanager:${var.region}:${var.account_id}:secret:${local.name}/${kind}/*"
  ]

  statements = {
    for name, service in var.services : name => concat(
      [for statement in [
        {
          Sid      = "TaskLogs"
          Effect   = "Allow"
          Action   = try(local.task_log_actions[service.task_logs].objects, [])
          Resource = ["${module.task_logs.arn}/*"]
        },
        {
          Sid      = "TaskLogsBucket"
          Effect   = "Allow"
          Action   = try(local.task_log_actions[service.task_logs].bucket, [])
          Resource = [module.task_logs.arn]
        },
        {
          Sid       = "TaskLogsKey"
          Effect    = "Allow"
          Action    = try(local.task_log_actions[service.task_logs].key, [])
          Resource  = [module.encryption.key_arn]
          Condition = { StringEquals = { "kms:ViaService" = "s3.${var.region}.amazonaws.com" } }
        },
      ] : statement if service.task_logs != "none"],
      [for statement in [
        {
          Sid      = "Connections"
          Effect   = "Allow"
          Action   = ["secretsmanager:GetSecretValue"]
          Resource = local.airflow_secrets
        },
        {
          Sid       = "ConnectionsKey"
          Effect    = "Allow"
          Action    = ["kms:Decrypt"]
          Resource  = [module.encryption.key_arn]
          Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${var.region}.amazonaws.com" } }
        },
      ] : statement if service.connections],
      [for statement in [
        {
          Sid      = "Protection"
          Effect   = "Allow"
          Action   = ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"]
          Resource = ["arn:aws:ecs:${var.region}:${var.account_id}:task/${module.cluster.name}/*"]
        },
      ] : statement if contains(keys(local.workers), name)],
      [for statement in [
        {
          Sid      = "Commands"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:PutObject"]
          Resource = ["${module.controller_bucket.arn}/controller/*"]
        },
        {
          Sid      = "Leader"
          Effect   = "Allow"
          Action   = ["s3:DeleteObject"]
          Resource = ["${module.controller_bucket.arn}/controller/leader.json"]
        },
        {
          Sid      = "DagReleases"
          Effect   = "Allow"
          Action   = ["s3:GetObject"]
          Resource = ["${module.controller_bucket.arn}/dags/*"]
        },
        {
          # Without it, what is not there looks like what is forbidden.
          Sid      = "ControllerBucket"
          Effect   = "Allow"
          Action   = ["s3:ListBucket"]
          Resource = [module.controller_bucket.arn]
        },
        {
          Sid       = "ControllerBucketKey"
          Effect    = "Allow"
          Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource  = [module.encryption.key_arn]
          Condition = { StringEquals = { "kms:ViaService" = "s3.${var.region}.amazonaws.com" } }
        },
        {
          Sid      = "Workers"
          Effect   = "Allow"
          Action   = ["ecs:DescribeServices", "ecs:UpdateService"]
          Resource = [for name in flatten(values(local.worker_services)) : "arn:aws:ecs:${var.region}:${var.account_id}:service/${module.cluster.name}/${name}"]
        },
        {
          Sid       = "WorkerTasks"
          Effect    = "Allow"
          Action    = ["ecs:ListTasks"]
          Resource  = ["*"]
          Condition = { ArnEquals = { "ecs:cluster" = module.cluster.arn } }
        },
        {
          Sid      = "WorkerStates"
          Effect   = "Allow"
          Action   = ["ecs:DescribeTasks", "ecs:GetTaskProtection"]
          Resource = ["arn:aws:ecs:${var.region}:${var.account_id}:task/${module.cluster.name}/*"]
        },
        {
          # Whether they are there; never what is in them.
          Sid      = "ConnectionNames"
          Effect   = "Allow"
          Action   = ["secretsmanager:DescribeSecret"]
          Resource = local.airflow_secrets
        },
      ] : statement if contains(values(service.endpoints), "controller")],
    )
  }
}
