locals {
  # One-off tasks and worker classes have no service of their own kind.
  workers = { for name, service in var.services : name => service if length(service.replica_sets) > 1 }
  steady  = { for name, service in var.services : name => service if !service.one_off && length(service.replica_sets) == 1 }

  # As module.worker_fleet names them, which cannot be asked: it is made of the tasks that are told.
  worker_services = { for name, service in local.workers : name => [for set in service.replica_sets : "${name}-${set}"] }

  endpoints = {
    web           = local.web_url
    execution-api = local.execution_api_url
    task-logs     = "s3://${module.task_logs.bucket}/tasks"
    controller = jsonencode({
      environment = var.environment
      name        = local.name
      region      = var.region
      bucket      = module.controller_bucket.bucket
      cluster     = module.cluster.name
      workers     = local.worker_services
    })
    connections = jsonencode({
      connections_prefix = "${local.name}/connections"
      variables_prefix   = "${local.name}/variables"
      sep                = "/"
    })
  }
}

module "cluster" {
  source = "../../modules/cluster"

  name               = local.name
  kms_key_arn        = module.encryption.key_arn
  log_retention_days = var.logs.retention_days
}

module "task" {
  source   = "../../modules/task"
  for_each = var.services

  name                     = local.name
  service                  = each.key
  region                   = var.region
  account_id               = var.account_id
  vpc_id                   = module.placement.vpc_id
  image                    = "${var.account_id}.dkr.ecr.${var.region}.amazonaws.com/${var.tenant}/${each.value.component}"
  repository_arn           = "arn:aws:ecr:${var.region}:${var.account_id}:repository/${var.tenant}/${each.value.component}"
  command                  = each.value.command
  environment              = merge(each.value.environment, { for variable, endpoint in each.value.endpoints : variable => local.endpoints[endpoint] })
  secrets                  = { for variable, secret in each.value.secrets : variable => local.secret_arns[secret] }
  kms_key_arn              = module.encryption.key_arn
  cpu                      = each.value.cpu
  memory                   = each.value.memory
  architecture             = var.architecture
  ports                    = each.value.ports
  health_command           = each.value.health_command
  stop_grace_s             = each.value.stop_grace_s
  kernel                   = var.kernel
  exec                     = { log_group_arn = module.cluster.exec_log_group_arn }
  statements               = local.statements[each.key]
  policy_arns              = each.value.policy_arns
  permissions_boundary_arn = var.permissions_boundary_arn
  log_retention_days       = var.logs.retention_days

  dags = each.value.dags == "none" ? null : {
    file_system_id   = module.dag_storage.file_system_id
    file_system_arn  = module.dag_storage.file_system_arn
    access_point_id  = each.value.dags == "write" ? module.dag_storage.read_write_access_point.id : module.dag_storage.read_only_access_point.id
    access_point_arn = each.value.dags == "write" ? module.dag_storage.read_write_access_point.arn : module.dag_storage.read_only_access_point.arn
    write            = each.value.dags == "write"
  }
}

module "service" {
  source   = "../../modules/service"
  for_each = local.steady

  service             = each.key
  cluster_name        = module.cluster.name
  cluster_arn         = module.cluster.arn
  task_definition_arn = module.task[each.key].task_definition_arn
  security_group_id   = module.task[each.key].security_group_id
  subnet_ids          = module.placement.private_subnet_ids
  spot                = each.value.spot
  scaling             = each.value.scaling

  target_groups = merge(
    { for route, group in module.public_load_balancer.target_groups : "public" => { arn = group.arn, port = local.public_routes[route].port } if route == each.key },
    { for route, group in module.internal_load_balancer.target_groups : "internal" => { arn = group.arn, port = local.internal_routes[route].port } if route == each.key },
  )
}

module "worker_fleet" {
  source   = "../../modules/worker-fleet"
  for_each = local.workers

  service             = each.key
  cluster_name        = module.cluster.name
  cluster_arn         = module.cluster.arn
  task_definition_arn = module.task[each.key].task_definition_arn
  security_group_id   = module.task[each.key].security_group_id
  subnet_ids          = module.placement.private_subnet_ids
  spot                = each.value.spot
}
