# Secrets of the services: AWS generates them, and Secrets Manager stores them. They are never in the state or the plan.

locals {
  generated = {
    fernet-key     = { description = "Encrypts connections and variables", generate = { length = 32, encoding = "fernet" } }
    jwt-secret     = { description = "Signs the tokens of tasks and users", generate = { length = 64 } }
    api-secret     = { description = "Signs sessions and log requests", generate = { length = 64 } }
    login-password = { description = "The password of the first administrator", generate = { length = 24 } }
    flower-login   = { description = "The login of Flower", generate = { length = 32, format = "admin:%s" } }
    broker-token   = { description = "The broker's token", generate = { length = 64 } }
  }

  broker_url = "rediss://:${ephemeral.aws_secretsmanager_secret_version.broker_token.secret_string}@${module.broker.primary_endpoint_address}:${module.broker.port}/0?ssl_cert_reqs=required"

  secret_arns = merge(
    { for name, secret in module.secret : name => secret.arn },
    {
      broker-url     = module.broker_url.arn
      database-url   = module.database_url.arn
      database-admin = module.database.master_secret_arn
    },
  )
}

module "secret" {
  source   = "../../modules/secret"
  for_each = local.generated

  name                 = local.name
  secret               = each.key
  description          = each.value.description
  generate             = each.value.generate
  generation           = lookup(var.secret_generations, each.key, 1)
  kms_key_arn          = module.encryption.key_arn
  recovery_window_days = var.production ? 30 : 7
}

module "database_url" {
  source = "../../modules/secret"

  name                 = local.name
  secret               = "database-url"
  description          = "The URL of the metadata database for the user airflow"
  generation           = lookup(var.secret_generations, "database-url", 1)
  kms_key_arn          = module.encryption.key_arn
  recovery_window_days = var.production ? 30 : 7

  generate = {
    format = "mysql+pymysql://airflow:%s@${module.database.address}:${module.database.port}/${module.database.name}?ssl_ca=${var.database.ca_path}"
  }
}

module "broker_url" {
  source = "../../modules/secret"

  name                 = local.name
  secret               = "broker-url"
  description          = "The URL of the broker, for the queue and the results of tasks"
  generate             = null
  value                = local.broker_url
  generation           = "${lookup(var.secret_generations, "broker-token", 1)} at ${module.broker.primary_endpoint_address}"
  kms_key_arn          = module.encryption.key_arn
  recovery_window_days = var.production ? 30 : 7
}
