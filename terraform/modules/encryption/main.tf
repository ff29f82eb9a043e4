locals {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Without this statement, IAM policies could not allow the use of the key, and no identity could change this
        # policy again.
        Sid       = "Account"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${var.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "Logs"
        Effect    = "Allow"
        Principal = { Service = "logs.${var.region}.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
        Condition = {
          ArnLike = {
            "kms:EncryptionContext:aws:logs:arn" = [
              for group in [
                "/${var.name}/*",       # services, sessions, flow logs
                "/aws/*/${var.name}-*", # RDS names its groups after the instance
                "/aws/*/${var.name}/*", # logs that AWS delivers: the broker's
              ] : "arn:aws:logs:${var.region}:${var.account_id}:log-group:${group}"
            ]
          }
        }
      },
      {
        # CloudWatch drops the message of an alarm that cannot use the key of its topic, without an error.
        Sid       = "Alarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
      },
    ]
  })
}

resource "aws_kms_key" "this" {
  description             = "Everything that ${var.name} keeps"
  deletion_window_in_days = var.deletion_window_days
  enable_key_rotation     = true
  policy                  = local.policy
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}
