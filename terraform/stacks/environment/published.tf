# What the command line, releases and the controller need to know of this environment, as an object beside its state: who
# reads it needs no right on the state, no Terraform, and need not wait for a lock. Nothing here is secret.

locals {
  outputs = {
    environment        = var.environment
    cluster            = module.cluster.name
    web_url            = local.web_url
    execution_api_url  = local.execution_api_url
    private_subnet_ids = module.placement.private_subnet_ids
    task_definitions   = { for name, task in module.task : name => task.task_definition_arn }
    security_groups    = { for name, task in module.task : name => task.security_group_id }
    services = {
      for name, service in var.services : name => [for key, of in local.ecs_services : module.service[key].name if of.service == name]
      if !service.one_off
    }
    task_log_bucket   = module.task_logs.bucket
    controller_bucket = module.controller_bucket.bucket
    dag_storage = {
      file_system_id          = module.dag_storage.file_system_id
      read_write_access_point = module.dag_storage.read_write_access_point.id
    }
    database = { identifier = module.database.identifier, address = module.database.address }
  }
}

resource "aws_s3_object" "published" {
  bucket       = var.state_bucket
  key          = "published/${var.environment}.json"
  content      = jsonencode({ version = 1, outputs = local.outputs })
  content_type = "application/json"

  # S3 takes ten tags of an object, and an environment may have more.
  override_provider {
    default_tags {
      tags = {}
    }
  }
}
