# What the containers of a service may do in AWS, beyond sessions and DAGs, by the names of grants. Each has a file of its
# own; the services' descriptions say who has which.

locals {
  grants = {
    connections     = local.grant_connections
    controller      = local.grant_controller
    protection      = local.grant_protection
    task-logs-read  = local.grant_task_logs_read
    task-logs-write = local.grant_task_logs_write
  }

  through_s3 = { StringEquals = { "kms:ViaService" = "s3.${var.region}.amazonaws.com" } }

  # Where Airflow's secrets backend looks.
  airflow_secrets = [
    for kind in ["connections", "variables"] :
    "arn:aws:secretsmanager:${var.region}:${var.account_id}:secret:${local.name}/${kind}/*"
  ]
}
