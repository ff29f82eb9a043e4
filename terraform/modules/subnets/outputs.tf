output "public" {
  description = "The ranges of the public subnets, one for each zone."
  value       = local.pieces.public
}

output "private" {
  description = "The ranges of the private subnets, one for each zone."
  value       = local.pieces.private
}

output "data" {
  description = "The ranges of the data subnets, one for each zone."
  value       = local.pieces.data
}

output "ranges" {
  description = "The whole range of each tier (public, private, data), with space for zones that do not exist yet."
  value       = local.ranges
}
