# The VPC and the subnets: of the new network, or of an existing VPC. No resources.

output "vpc_id" {
  description = "The id of the VPC."
  value       = var.existing == null ? var.made.vpc_id : var.existing.id
}

output "public_subnet_ids" {
  description = "The ids of the subnets of the public tier, one for each zone."
  value       = var.existing == null ? var.made.public_subnet_ids : var.existing.public_subnets
}

output "private_subnet_ids" {
  description = "The ids of the subnets of the private tier, one for each zone."
  value       = var.existing == null ? var.made.private_subnet_ids : var.existing.private_subnets
}

output "data_subnet_ids" {
  description = "The ids of the subnets of the data tier, one for each zone."
  value       = var.existing == null ? var.made.data_subnet_ids : var.existing.data_subnets
}
