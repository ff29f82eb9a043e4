# The deploy role: its trust and its permissions. Jenkins runs in the non-production account and assumes this role in
# production.

resource "aws_iam_role" "deploy" {
  count = length(var.principals) == 0 ? 0 : 1

  name                 = "${var.tenant}-deploy"
  description          = "Tradewind's pipelines deploy with this role"
  max_session_duration = 14400 # covers the longest apply, with a restart of the database in two zones

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = var.principals }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
    }]
  })
}

resource "aws_iam_policy" "deploy" {
  #checkov:skip=CKV_AWS_355:resources of EC2, KMS and ACM have no names that a policy could use; the region is the limit
  for_each = { for topic, statements in local.deploy : topic => statements if length(var.principals) > 0 }

  name        = "${var.tenant}-deploy-${each.key}"
  description = "What Tradewind's pipelines may do: ${each.key}"
  policy      = jsonencode({ Version = "2012-10-17", Statement = each.value })
}

resource "aws_iam_role_policy_attachment" "deploy" {
  for_each = aws_iam_policy.deploy

  role       = aws_iam_role.deploy[0].name
  policy_arn = each.value.arn
}

# The upper limit of every role that a pipeline creates, whatever policies the role has. A boundary grants nothing: it
# limits other policies, and denies the actions below. So checkov's findings about broad permissions do not apply.
resource "aws_iam_policy" "boundary" {
  #checkov:skip=CKV_AWS_62:boundaries grant nothing
  #checkov:skip=CKV_AWS_63:boundaries grant nothing
  #checkov:skip=CKV_AWS_286:boundaries grant nothing
  #checkov:skip=CKV_AWS_287:boundaries grant nothing
  #checkov:skip=CKV_AWS_288:boundaries grant nothing
  #checkov:skip=CKV_AWS_289:boundaries grant nothing
  #checkov:skip=CKV_AWS_290:boundaries grant nothing
  #checkov:skip=CKV_AWS_355:boundaries grant nothing
  #checkov:skip=CKV2_AWS_40:boundaries grant nothing
  name        = "${var.tenant}-boundary"
  description = "The most that any role of Tradewind's can do"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Work"
        Effect   = "Allow"
        Action   = "*"
        Resource = "*"
      },
      {
        Sid    = "NoPower"
        Effect = "Deny"
        Action = [
          "account:*", "iam:*", "organizations:*",
          "cloudtrail:DeleteTrail", "cloudtrail:StopLogging", "cloudtrail:UpdateTrail",
        ]
        Resource = "*"
      },
      {
        Sid      = "NoState"
        Effect   = "Deny"
        Action   = "s3:*"
        Resource = [var.state_bucket_arn, "${var.state_bucket_arn}/*"]
      },
    ]
  })
}
