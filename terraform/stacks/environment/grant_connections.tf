# The grant `connections`: read the Airflow connections and variables of this environment.

locals {
  grant_connections = [
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
  ]
}
