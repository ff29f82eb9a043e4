# Every allowed connection. AWS refuses all others. `tradewind audit` compares this file with the design.

locals {
  # The secrets and addresses of a service determine its connections.
  database_clients      = { for name, service in var.services : name => service if length(setintersection(values(service.secrets), ["database-url", "database-admin"])) > 0 }
  broker_clients        = { for name, service in var.services : name => service if contains(values(service.secrets), "broker-url") }
  dag_clients           = { for name, service in var.services : name => service if service.dags != "none" }
  execution_api_clients = { for name, service in var.services : name => service if contains(values(service.endpoints), "execution-api") }
  log_servers           = { for name, service in var.services : name => service if service.log_port != null }

  # With these endpoints, ECS can start a task, and the task can run, without a route to the internet.
  covered = var.network.vpc == null && length(setsubtract(["s3", "ecr", "logs", "secretsmanager", "ssm"], var.network.endpoints)) == 0

  interface_endpoints = var.network.vpc == null && length(setsubtract(var.network.endpoints, ["s3"])) > 0
  gateway_endpoint    = var.network.vpc == null && contains(var.network.endpoints, "s3")
}

module "to_database" {
  source   = "../../modules/flow"
  for_each = local.database_clients

  from        = module.task[each.key].security_group_id
  to          = module.database.security_group_id
  port        = 3306
  description = "metadata of ${each.key}"
}

module "to_broker" {
  source   = "../../modules/flow"
  for_each = local.broker_clients

  from        = module.task[each.key].security_group_id
  to          = module.broker.security_group_id
  port        = 6379
  description = "messages of ${each.key}"
}

module "to_dag_storage" {
  source   = "../../modules/flow"
  for_each = local.dag_clients

  from        = module.task[each.key].security_group_id
  to          = module.dag_storage.security_group_id
  port        = 2049
  description = "DAGs of ${each.key}"
}

module "to_execution_api" {
  source   = "../../modules/flow"
  for_each = local.execution_api_clients

  from        = module.task[each.key].security_group_id
  to          = module.internal_load_balancer.security_group_id
  port        = module.internal_load_balancer.port
  description = "execution API calls of ${each.key}"
}

module "from_internal_load_balancer" {
  source   = "../../modules/flow"
  for_each = local.internal_routes

  from        = module.internal_load_balancer.security_group_id
  to          = module.task[each.key].security_group_id
  port        = each.value.port
  description = "execution API calls to ${each.key}"
}

module "from_public_load_balancer" {
  source   = "../../modules/flow"
  for_each = local.public_routes

  from        = module.public_load_balancer.security_group_id
  to          = module.task[each.key].security_group_id
  port        = each.value.port
  description = "pages of ${each.key}"
}

# Live logs: web requests them from the worker or triggerer that has them.
module "to_logs" {
  source   = "../../modules/flow"
  for_each = local.log_servers

  from        = module.task["web"].security_group_id
  to          = module.task[each.key].security_group_id
  port        = each.value.log_port
  description = "live logs of ${each.key}"
}

module "to_endpoints" {
  source   = "../../modules/flow"
  for_each = local.interface_endpoints ? var.services : {}

  from        = module.task[each.key].security_group_id
  to          = module.network[0].endpoints_security_group_id
  port        = 443
  description = "AWS calls of ${each.key}"
}

resource "aws_vpc_security_group_egress_rule" "to_s3" {
  for_each = local.gateway_endpoint ? var.services : {}

  security_group_id = module.task[each.key].security_group_id
  prefix_list_id    = module.network[0].s3_prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  description       = "to S3"
}

# DAG code may call any host over HTTPS; other services may do so only if an endpoint is missing.
resource "aws_vpc_security_group_egress_rule" "to_internet" {
  for_each = { for name, service in var.services : name => service if service.internet || !local.covered }

  security_group_id = module.task[each.key].security_group_id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  description       = "to the internet"
}

# The only addresses from which the public load balancer accepts connections.
resource "aws_vpc_security_group_ingress_rule" "people" {
  for_each = {
    for pair in setproduct(var.access.allowed_cidrs, local.secure ? [443, 80] : [80]) : "${pair[0]}:${pair[1]}" => { cidr = pair[0], port = pair[1] }
  }

  security_group_id = module.public_load_balancer.security_group_id
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
  description       = each.value.port == 80 && local.secure ? "users, for the redirect to HTTPS" : "users"
}
