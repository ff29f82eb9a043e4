# Workers of one class: the services a and b. A release updates the idle one, grows it, and drains the other, so that
# no deployment ever waits behind a task that runs for hours. How many tasks each has belongs to the controller.

locals {
  replica_sets = toset(["a", "b"])
}

module "service" {
  source   = "../service"
  for_each = local.replica_sets

  service             = var.service
  replica_set         = each.key
  cluster_name        = var.cluster_name
  cluster_arn         = var.cluster_arn
  task_definition_arn = var.task_definition_arn
  security_group_id   = var.security_group_id
  subnet_ids          = var.subnet_ids
  spot                = var.spot
  exec                = var.exec
}
