# The grants `task-logs-read` and `task-logs-write`: the logs of finished tasks.

locals {
  grant_task_logs_bucket = [
    {
      Sid      = "TaskLogsBucket"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = [module.task_logs.arn]
    },
  ]

  grant_task_logs_read = concat(local.grant_task_logs_bucket, [
    {
      Sid      = "TaskLogs"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = ["${module.task_logs.arn}/*"]
    },
    {
      Sid       = "TaskLogsKey"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = [module.encryption.key_arn]
      Condition = local.through_s3
    },
  ])

  grant_task_logs_write = concat(local.grant_task_logs_bucket, [
    {
      Sid      = "TaskLogs"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = ["${module.task_logs.arn}/*"]
    },
    {
      Sid       = "TaskLogsKey"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = [module.encryption.key_arn]
      Condition = local.through_s3
    },
  ])
}
