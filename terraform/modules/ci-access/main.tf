# The role that deploys: who may take it, and how far it reaches. Jenkins lives in the non-production account and takes
# this role in production.

resource "aws_iam_role" "deploy" {
  count = length(var.principals) == 0 ? 0 : 1

  name                 = "${var.tenant}-deploy"
  description          = "Tradewind's pipelines deploy with it"
  max_session_duration = 14400 # the longest apply, a database's restart in two zones included

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
  #checkov:skip=CKV_AWS_355:what EC2, KMS and ACM make has no name that could be written here; the region is the limit
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

# No role that a pipeline makes can do more than this, whatever its own policies say.
resource "aws_iam_policy" "boundary" {
  #checkov:skip=CKV_AWS_62:a boundary gives nothing; it says the most that other policies can give, and denies below
  #checkov:skip=CKV_AWS_63:a boundary gives nothing; it says the most that other policies can give, and denies below
  #checkov:skip=CKV_AWS_286:a boundary gives nothing; it says the most that other policies can give, and denies below
  #checkov:skip=CKV_AWS_287:a boundary gives nothing; it says the most that other policies can give, and denies below
  #checkov:skip=CKV_AWS_288:a boundary gives nothing; it says the most that other policies can give, and denies below
  #checkov:skip=CKV_AWS_289:a boundary gives nothing; it says the most that other policies can give, and denies below
  #checkov:skip=CKV_AWS_290:a boundary gives nothing; it says the most that other policies can give, and denies below
  #checkov:skip=CKV_AWS_355:a boundary gives nothing; it says the most that other policies can give, and denies below
  #checkov:skip=CKV2_AWS_40:a boundary gives nothing; it says the most that other policies can give, and denies below
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
