# The VPC and its subnets. Ways out: routes.tf, endpoints.tf. What may pass: acls.tf. What did pass: flow-logs.tf.

module "subnets" {
  source = "../subnets"

  cidr  = var.cidr
  zones = var.zones
}

# Local zones and wavelength zones have to be opted into, and offer next to nothing that is needed here.
data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394:no more zones are used than var.zones says, and a subnet that exists stays in its zone
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  zone_names = length(var.zone_names) > 0 ? var.zone_names : data.aws_availability_zones.available.names

  # "0", "1", …: everything of a zone is keyed by it, so that another zone leaves the others alone.
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
      error_message = "${var.region} has ${length(local.zone_names)} availability zones, fewer than the ${var.zones} that zones asks for."
    }
  }
}

# What AWS makes with every VPC is taken over and emptied: nothing can be left in it by mistake.

resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-default-closed" }
}

resource "aws_default_network_acl" "this" {
  default_network_acl_id = aws_vpc.this.default_network_acl_id

  tags = { Name = "${var.name}-default-closed" }

  lifecycle {
    # A new subnet is in it for a moment, until its tier's ACL has it.
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
    # AWS may list zones differently one day. A subnet that exists stays where it is.
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
