# Where things are: in the network that was made, or in one that was there. No resources.

output "vpc_id" {
  description = "The VPC."
  value       = var.existing == null ? var.made.vpc_id : var.existing.id
}

output "public_subnet_ids" {
  description = "Subnets of the public tier, one for each zone."
  value       = var.existing == null ? var.made.public_subnet_ids : var.existing.public_subnets
}

output "private_subnet_ids" {
  description = "Subnets of the private tier, one for each zone."
  value       = var.existing == null ? var.made.private_subnet_ids : var.existing.private_subnets
}

output "data_subnet_ids" {
  description = "Subnets of the data tier, one for each zone."
  value       = var.existing == null ? var.made.data_subnet_ids : var.existing.data_subnets
}
