output "vpc_id" {
  description = "The id of the VPC."
  value       = aws_vpc.this.id
}

output "cidr" {
  description = "The IPv4 range of the VPC."
  value       = aws_vpc.this.cidr_block
}

output "public_subnet_ids" {
  description = "The ids of the subnets of the public tier, in the order of zones."
  value       = [for zone in range(var.zones) : aws_subnet.public[tostring(zone)].id]
}

output "private_subnet_ids" {
  description = "The ids of the subnets of the private tier, in the order of zones."
  value       = [for zone in range(var.zones) : aws_subnet.private[tostring(zone)].id]
}

output "data_subnet_ids" {
  description = "The ids of the subnets of the data tier, in the order of zones."
  value       = [for zone in range(var.zones) : aws_subnet.data[tostring(zone)].id]
}

output "public_cidrs" {
  description = "The ranges of the public subnets, in the order of zones."
  value       = module.subnets.public
}

output "private_cidrs" {
  description = "The ranges of the private subnets, in the order of zones."
  value       = module.subnets.private
}

output "data_cidrs" {
  description = "The ranges of the data subnets, in the order of zones."
  value       = module.subnets.data
}

output "endpoints_security_group_id" {
  description = "The id of the security group of the interface endpoints. Null if there are none."
  value       = one(aws_security_group.endpoints[*].id)
}

output "s3_prefix_list_id" {
  description = "The id of the prefix list with S3's addresses, for rules of security groups. Null without the S3 endpoint."
  value       = one(aws_vpc_endpoint.s3[*].prefix_list_id)
}

output "nat_public_ips" {
  description = "The public addresses of the NAT gateways, for allow lists of other companies."
  value       = [for zone in sort(keys(aws_eip.nat)) : aws_eip.nat[zone].public_ip]
}
