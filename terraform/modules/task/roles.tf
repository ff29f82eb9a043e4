# ECS uses the execution role before the container starts. The container uses the task role.

locals {
  assume = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"

      # Only for tasks of this account, against the confused deputy problem.
      Condition = {
        ArnLike      = { "aws:SourceArn" = "arn:aws:ecs:${var.region}:${var.account_id}:*" }
        StringEquals = { "aws:SourceAccount" = var.account_id }
      }
    }]
  })

  # The reference to one key of a JSON secret is ARN:key:: ; a policy needs the ARN of the secret.
  secret_arns = sort(distinct([for arn in values(var.secrets) : join(":", slice(split(":", arn), 0, min(7, length(split(":", arn)))))]))

  execution_statements = concat(
    [
      {
        Sid      = "Login"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = ["*"] # this action supports no resources in policies
      },
      {
        Sid      = "Pull"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = [var.repository_arn]
      },
      {
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["${aws_cloudwatch_log_group.this.arn}:*"]
      },
    ],
    # `for … if` instead of a conditional, whose two results would need the same type.
    [for statement in [
      {
        Sid      = "Secrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = local.secret_arns
      },
      {
        Sid      = "SecretsKey"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = [var.kms_key_arn]
        Condition = {
          StringEquals = { "kms:ViaService" = "secretsmanager.${var.region}.amazonaws.com" }
        }
      },
    ] : statement if length(local.secret_arns) > 0],
  )

  task_statements = concat(
    [for statement in [
      {
        Sid    = "Exec"
        Effect = "Allow"
        Action = [
          "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
          "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
        ]
        Resource = ["*"] # these actions support no resources in policies
      },
      {
        Sid      = "ExecLogGroups"
        Effect   = "Allow"
        Action   = ["logs:DescribeLogGroups"]
        Resource = ["*"] # this action supports no resources in policies
      },
      {
        Sid      = "ExecLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = ["${try(var.exec.log_group_arn, "")}:*"]
      },
      {
        Sid      = "ExecKey"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = [var.kms_key_arn]
      },
    ] : statement if var.exec != null],
    [for statement in [
      {
        Sid    = "Dags"
        Effect = "Allow"
        Action = concat(
          ["elasticfilesystem:ClientMount"],
          try(var.dags.write, false) ? ["elasticfilesystem:ClientWrite"] : [],
        )
        Resource = [try(var.dags.file_system_arn, "")]
        Condition = {
          StringEquals = { "elasticfilesystem:AccessPointArn" = try(var.dags.access_point_arn, "") }
        }
      },
    ] : statement if var.dags != null],
    var.statements,
  )
}

resource "aws_iam_role" "execution" {
  name                 = module.names.names["execution"]
  description          = "ECS starts ${var.service} with this role"
  path                 = "/${var.name}/"
  assume_role_policy   = local.assume
  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy" "execution" {
  name = "execution"
  role = aws_iam_role.execution.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.execution_statements
  })
}

resource "aws_iam_role" "task" {
  name                 = module.names.names["task"]
  description          = "The container of ${var.service} uses this role"
  path                 = "/${var.name}/"
  assume_role_policy   = local.assume
  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy" "task" {
  count = length(local.task_statements) == 0 ? 0 : 1

  name = "task"
  role = aws_iam_role.task.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.task_statements
  })
}

resource "aws_iam_role_policy_attachment" "task" {
  for_each = toset(var.policy_arns)

  role       = aws_iam_role.task.name
  policy_arn = each.value
}
