# The VPC and its subnets. Routes are in routes.tf and endpoints.tf, network ACLs in acls.tf, flow logs in flow-logs.tf.

module "subnets" {
  source = "../subnets"

  cidr  = var.cidr
  zones = var.zones
}

# Local zones and wavelength zones require an opt-in, and lack most of the services that are used here.
data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394:the number of zones is var.zones, and an existing subnet stays in its zone
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  zone_names = length(var.zone_names) > 0 ? var.zone_names : data.aws_availability_zones.available.names

  # "0", "1", …: the resources of a zone have this key, so that a new zone does not change the others.
  zones = { for zone in range(var.zones) : tostring(zone) => try(local.zone_names[zone], null) }
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = var.name }

  lifecycle {
    precondition {
      condition     = length(local.zone_names) >= var.zones
      error_message = "${var.region} has ${length(local.zone_names)} availability zones, fewer than the requested ${var.zones}."
    }
  }
}

# Take over the defaults that AWS creates with every VPC, and empty them, so that they allow nothing by mistake.

resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-default-closed" }
}

resource "aws_default_network_acl" "this" {
  default_network_acl_id = aws_vpc.this.default_network_acl_id

  tags = { Name = "${var.name}-default-closed" }

  lifecycle {
    # A new subnet is in the default ACL until the ACL of its tier takes it.
    ignore_changes = [subnet_ids]
  }
}

resource "aws_default_route_table" "this" {
  default_route_table_id = aws_vpc.this.default_route_table_id
  route                  = []

  tags = { Name = "${var.name}-default-closed" }
}

resource "aws_subnet" "public" {
  for_each = local.zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.value
  cidr_block              = module.subnets.public[tonumber(each.key)]
  map_public_ip_on_launch = false

  tags = { Name = "${var.name}-public-${each.key}" }

  lifecycle {
    # AWS may list zones in another order later. An existing subnet stays in its zone.
    ignore_changes = [availability_zone]
  }
}

resource "aws_subnet" "private" {
  for_each = local.zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.value
  cidr_block              = module.subnets.private[tonumber(each.key)]
  map_public_ip_on_launch = false

  tags = { Name = "${var.name}-private-${each.key}" }

  lifecycle {
    ignore_changes = [availability_zone]
  }
}

resource "aws_subnet" "data" {
  for_each = local.zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.value
  cidr_block              = module.subnets.data[tonumber(each.key)]
  map_public_ip_on_launch = false

  tags = { Name = "${var.name}-data-${each.key}" }

  lifecycle {
    ignore_changes = [availability_zone]
  }
}
