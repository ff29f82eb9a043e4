# The grant `controller`: read commands and write results, change the number and the revision of workers, and check
# which connections and variables exist.

locals {
  grant_controller = [
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
      # Without this permission, S3 answers the same for a missing object as for a forbidden one.
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
      Condition = local.through_s3
    },
    {
      Sid      = "Services"
      Effect   = "Allow"
      Action   = ["ecs:DescribeServices"]
      Resource = ["${local.ecs_arn}:service/${module.cluster.name}/*"]
    },
    {
      # The controller can start only revisions of workers. It can register none and write no tags, so it starts only
      # revisions that a rollout has registered.
      Sid       = "WorkerRevisions"
      Effect    = "Allow"
      Action    = ["ecs:UpdateService"]
      Resource  = local.worker_service_arns
      Condition = { ArnLikeIfExists = { "ecs:task-definition" = local.worker_revisions } }
    },
    {
      Sid      = "RevisionTags"
      Effect   = "Allow"
      Action   = ["ecs:ListTagsForResource"]
      Resource = ["${local.ecs_arn}:task-definition/${local.name}-*:*"]
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
      Resource = ["${local.ecs_arn}:task/${module.cluster.name}/*"]
    },
    {
      # Checks if they exist; this does not allow the controller to read their values.
      Sid      = "ConnectionNames"
      Effect   = "Allow"
      Action   = ["secretsmanager:DescribeSecret"]
      Resource = local.airflow_secrets
    },
  ]
}
