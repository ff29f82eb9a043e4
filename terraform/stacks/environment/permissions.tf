# What the containers of a service may do in AWS, beyond sessions and DAGs: read and write task logs, read the
# connections and variables of this environment, and, workers, protect themselves from being stopped.

locals {
  task_log_actions = {
    read  = { objects = ["s3:GetObject"], bucket = ["s3:ListBucket"], key = ["kms:Decrypt"] }
    write = { objects = ["s3:GetObject", "s3:PutObject"], bucket = ["s3:ListBucket"], key = ["kms:Decrypt", "kms:GenerateDataKey"] }
  }

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
          Sid    = "Connections"
          Effect = "Allow"
          Action = ["secretsmanager:GetSecretValue"]
          Resource = [
            for kind in ["connections", "variables"] :
            "arn:aws:secretsmanager:${var.region}:${var.account_id}:secret:${local.name}/${kind}/*"
          ]
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
    )
  }
}
