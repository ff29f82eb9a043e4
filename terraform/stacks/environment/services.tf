locals {
  # ECS services, by name. With several replica sets, a service has an ECS service for each. A rollout scales an idle
  # one up and drains the others, so that no deployment waits for a task that runs for hours.
  ecs_services = merge([
    for name, service in var.services : {
      for set in service.replica_sets : length(service.replica_sets) > 1 ? "${name}-${set}" : name => {
        service     = name
        replica_set = length(service.replica_sets) > 1 ? set : null
      }
    } if !service.one_shot
  ]...)

  # The worker pools: the controller sets their number of tasks.
  worker_services = {
    for name, service in var.services : name => [for ecs_service, of in local.ecs_services : ecs_service if of.service == name]
    if length(service.replica_sets) > 1
  }
  # The names of a service's replica sets differ in one letter. One pattern covers them all, because the policies of a
  # role are limited to 10,240 characters.
  worker_service_arns = [for name in keys(local.worker_services) : "${local.ecs_arn}:service/${module.cluster.name}/${name}-?"]
  worker_revisions    = [for name in keys(local.worker_services) : "${local.ecs_arn}:task-definition/${local.name}-${name}:*"]
  ecs_arn             = "arn:aws:ecs:${var.region}:${var.account_id}"

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
  statements               = flatten([for grant in each.value.grants : local.grants[grant]])
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
  for_each = local.ecs_services

  service             = each.value.service
  replica_set         = each.value.replica_set
  cluster_name        = module.cluster.name
  cluster_arn         = module.cluster.arn
  task_definition_arn = module.task[each.value.service].task_definition_arn
  security_group_id   = module.task[each.value.service].security_group_id
  subnet_ids          = module.placement.private_subnet_ids
  spot                = var.services[each.value.service].spot
  scaling             = var.services[each.value.service].scaling

  target_groups = merge(
    { for route, group in module.public_load_balancer.target_groups : "public" => { arn = group.arn, port = local.public_routes[route].port } if route == each.value.service },
    { for route, group in module.internal_load_balancer.target_groups : "internal" => { arn = group.arn, port = local.internal_routes[route].port } if route == each.value.service },
  )
}
