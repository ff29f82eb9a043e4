# The values that commands, releases and the controller need from this environment, as an object next to its state.
# Readers of the object need no access to the state, no Terraform, and no lock. None of the values is secret.

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
      if !service.one_shot
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

  # S3 accepts ten tags for an object, and an environment may have more.
  override_provider {
    default_tags {
      tags = {}
    }
  }
}
