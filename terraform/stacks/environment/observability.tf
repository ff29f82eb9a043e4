module "observability" {
  source = "../../modules/observability"

  name           = local.name
  region         = var.region
  account_id     = var.account_id
  kms_key_arn    = module.encryption.key_arn
  emails         = var.alert_emails
  cluster_name   = module.cluster.name
  services       = { for name, of in local.ecs_services : name => var.services[name].min if of.replica_set == null }
  file_system_id = module.dag_storage.file_system_id
  controller     = contains(keys(var.services), "controller")

  load_balancers = {
    public   = module.public_load_balancer.arn_suffix
    internal = module.internal_load_balancer.arn_suffix
  }

  target_groups = merge(
    { for route in keys(local.public_routes) : "public-${route}" => {
      load_balancer = module.public_load_balancer.arn_suffix
      arn_suffix    = module.public_load_balancer.target_groups[route].arn_suffix
    } },
    { for route in keys(local.internal_routes) : "internal-${route}" => {
      load_balancer = module.internal_load_balancer.arn_suffix
      arn_suffix    = module.internal_load_balancer.target_groups[route].arn_suffix
    } },
  )

  database        = { identifier = module.database.identifier, storage_gb = var.database.storage_gb }
  broker_node_ids = module.broker.node_ids
}
