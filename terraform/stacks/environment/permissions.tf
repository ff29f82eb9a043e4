# The AWS permissions of the containers of a service, besides ECS Exec and DAGs, as named grants. Each grant has a file
# of its own; the variable `services` gives each service its grants.

locals {
  grants = {
    connections     = local.grant_connections
    controller      = local.grant_controller
    protection      = local.grant_protection
    task-logs-read  = local.grant_task_logs_read
    task-logs-write = local.grant_task_logs_write
  }

  through_s3 = { StringEquals = { "kms:ViaService" = "s3.${var.region}.amazonaws.com" } }

  # The names of the secrets that Airflow's secrets backend reads.
  airflow_secrets = [
    for kind in ["connections", "variables"] :
    "arn:aws:secretsmanager:${var.region}:${var.account_id}:secret:${local.name}/${kind}/*"
  ]
}
