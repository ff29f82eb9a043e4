locals {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Without it, IAM policies could not give anybody the use of the key, and nobody could change this policy again.
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
                "/aws/*/${var.name}/*", # what AWS delivers: the broker's logs
              ] : "arn:aws:logs:${var.region}:${var.account_id}:log-group:${group}"
            ]
          }
        }
      },
      {
        # An alarm that cannot use the key of its topic is dropped without a word.
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
