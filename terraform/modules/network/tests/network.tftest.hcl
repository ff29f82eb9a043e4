mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = {
      names = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    }
  }

  # A route that the module must remove.
  mock_resource "aws_default_route_table" {
    defaults = {
      route = [{ cidr_block = "0.0.0.0/0", gateway_id = "igw-1" }]
    }
  }

  # AWS checks that this value is an ARN.
  mock_resource "aws_cloudwatch_log_group" {
    defaults = {
      arn = "arn:aws:logs:eu-west-1:111122223333:log-group:/acme-dev/flow-logs"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::111122223333:role/acme-dev/acme-dev-flow-logs"
    }
  }
}

variables {
  name        = "acme-dev"
  region      = "eu-west-1"
  account_id  = "111122223333"
  cidr        = "10.20.0.0/16"
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
}

run "tiers" {
  assert {
    condition     = aws_vpc.this.enable_dns_support && aws_vpc.this.enable_dns_hostnames
    error_message = "Private names of endpoints need both DNS settings."
  }

  assert {
    condition = alltrue([
      for subnets in [aws_subnet.public, aws_subnet.private, aws_subnet.data] :
      length(subnets) == 2 && alltrue([for subnet in subnets : !subnet.map_public_ip_on_launch && subnet.vpc_id == aws_vpc.this.id])
    ])
    error_message = "Each tier must have one subnet for each zone, in this VPC, and no subnet may assign public addresses."
  }

  assert {
    condition = alltrue([
      for subnets in [aws_subnet.public, aws_subnet.private, aws_subnet.data] :
      subnets["0"].availability_zone == "eu-west-1a" && subnets["1"].availability_zone == "eu-west-1b"
    ])
    error_message = "The subnets of a zone must be in the same zone, in each tier."
  }

  assert {
    condition = (
      [for zone in ["0", "1"] : aws_subnet.public[zone].cidr_block] == output.public_cidrs
      && [for zone in ["0", "1"] : aws_subnet.private[zone].cidr_block] == output.private_cidrs
      && [for zone in ["0", "1"] : aws_subnet.data[zone].cidr_block] == output.data_cidrs
    )
    error_message = "The ranges of the outputs must be those of the subnets, in the order of zones."
  }

  assert {
    condition     = length(distinct(concat(output.public_subnet_ids, output.private_subnet_ids, output.data_subnet_ids))) == 6
    error_message = "No subnet may be in two tiers."
  }

  assert {
    condition     = output.data_subnet_ids == [aws_subnet.data["0"].id, aws_subnet.data["1"].id]
    error_message = "The outputs must have the subnets in the order of zones."
  }
}

run "what_aws_makes_is_emptied" {
  assert {
    condition     = length(aws_default_security_group.this.ingress) == 0 && length(aws_default_security_group.this.egress) == 0
    error_message = "The default security group must have no rules."
  }

  assert {
    condition     = length(aws_default_network_acl.this.ingress) == 0 && length(aws_default_network_acl.this.egress) == 0
    error_message = "The default network ACL must have no rules."
  }

  assert {
    condition     = length(aws_default_route_table.this.route) == 0
    error_message = "The default route table must have no routes."
  }

  assert {
    condition = (
      aws_default_security_group.this.vpc_id == aws_vpc.this.id
      && aws_default_network_acl.this.default_network_acl_id == aws_vpc.this.default_network_acl_id
      && aws_default_route_table.this.default_route_table_id == aws_vpc.this.default_route_table_id
    )
    error_message = "The emptied defaults must be those of this VPC."
  }
}

run "routes" {
  assert {
    condition     = aws_route.public.gateway_id == aws_internet_gateway.this.id && aws_route.public.destination_cidr_block == "0.0.0.0/0"
    error_message = "The public tier must have a route to the internet gateway."
  }

  assert {
    condition = alltrue([
      for zone in ["0", "1"] :
      aws_route_table_association.public[zone].subnet_id == aws_subnet.public[zone].id
      && aws_route_table_association.public[zone].route_table_id == aws_route_table.public.id
      && aws_route_table_association.private[zone].subnet_id == aws_subnet.private[zone].id
      && aws_route_table_association.private[zone].route_table_id == aws_route_table.private[zone].id
      && aws_route_table_association.data[zone].subnet_id == aws_subnet.data[zone].id
      && aws_route_table_association.data[zone].route_table_id == aws_route_table.data.id
    ])
    error_message = "Every subnet must use the route table of its own tier."
  }

  assert {
    condition = alltrue([
      for zone in ["0", "1"] :
      aws_route.private[zone].nat_gateway_id == aws_nat_gateway.this["0"].id
      && aws_route.private[zone].gateway_id == null
      && aws_route.private[zone].route_table_id == aws_route_table.private[zone].id
      && aws_route.private[zone].destination_cidr_block == "0.0.0.0/0"
    ])
    error_message = "The private tier must use the one NAT gateway, never the internet gateway."
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && aws_nat_gateway.this["0"].subnet_id == aws_subnet.public["0"].id
    error_message = "The NAT gateway must be in the public tier."
  }

  assert {
    condition     = aws_nat_gateway.this["0"].allocation_id == aws_eip.nat["0"].id && output.nat_public_ips == [aws_eip.nat["0"].public_ip]
    error_message = "The addresses of the output must be those of the NAT gateways."
  }
}

run "the_data_tier_has_no_route" {
  assert {
    condition     = length(aws_route_table.data.route) == 0
    error_message = "The data tier's route table must be empty."
  }

  assert {
    condition     = !contains(concat([aws_route.public.route_table_id], [for route in aws_route.private : route.route_table_id]), aws_route_table.data.id)
    error_message = "No route may be added to the data tier's table."
  }

  assert {
    condition     = !contains(aws_vpc_endpoint.s3[0].route_table_ids, aws_route_table.data.id)
    error_message = "The S3 endpoint is a route too: the data tier must not have it."
  }
}

run "a_third_zone_leaves_the_others_alone" {
  variables {
    zones = 3
  }

  assert {
    condition = (
      slice(output.public_subnet_ids, 0, 2) == run.tiers.public_subnet_ids
      && slice(output.private_subnet_ids, 0, 2) == run.tiers.private_subnet_ids
      && slice(output.data_subnet_ids, 0, 2) == run.tiers.data_subnet_ids
    )
    error_message = "A new zone must not replace subnets."
  }

  assert {
    condition     = slice(output.data_cidrs, 0, 2) == run.tiers.data_cidrs && output.nat_public_ips == run.tiers.nat_public_ips
    error_message = "A new zone must not change ranges or addresses."
  }

  assert {
    condition     = aws_subnet.data["2"].availability_zone == "eu-west-1c" && contains(aws_network_acl.this["data"].subnet_ids, aws_subnet.data["2"].id)
    error_message = "The new subnets must be in the new zone and behind their tier's ACL."
  }

  assert {
    condition     = aws_route.private["2"].nat_gateway_id == aws_nat_gateway.this["0"].id
    error_message = "The new zone must have a route to the internet."
  }
}

run "a_gateway_in_each_zone" {
  variables {
    zones        = 3
    nat_gateways = "per-zone"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(aws_eip.nat) == 3
    error_message = "Each zone must have a NAT gateway."
  }

  assert {
    condition = alltrue([
      for zone in ["0", "1", "2"] :
      aws_route.private[zone].nat_gateway_id == aws_nat_gateway.this[zone].id && aws_nat_gateway.this[zone].subnet_id == aws_subnet.public[zone].id
    ])
    error_message = "Each zone must use the NAT gateway of its own zone."
  }

  assert {
    condition     = output.nat_public_ips[0] == run.tiers.nat_public_ips[0] && length(output.nat_public_ips) == 3
    error_message = "The first gateway must keep its address, which other companies may have on an allow list."
  }
}

run "zones_by_name" {
  command = plan

  variables {
    zone_names = ["eu-west-1c", "eu-west-1a"]
    zones      = 2
    name       = "acme-other"
  }

  # Existing subnets ignore a change of zone, so this checks the chosen zones, not a subnet.
  assert {
    condition     = local.zones == { "0" = "eu-west-1c", "1" = "eu-west-1a" }
    error_message = "Named zones must be used, in their order."
  }
}

run "acls" {
  variables {
    zones = 3
  }

  assert {
    condition = (
      length(setsubtract([for subnet in aws_subnet.public : subnet.id], aws_network_acl.this["public"].subnet_ids)) == 0
      && length(setsubtract([for subnet in aws_subnet.private : subnet.id], aws_network_acl.this["private"].subnet_ids)) == 0
      && length(setsubtract([for subnet in aws_subnet.data : subnet.id], aws_network_acl.this["data"].subnet_ids)) == 0
    )
    error_message = "Every subnet must have the ACL of its tier."
  }

  assert {
    condition = alltrue([
      for key, rule in module.acls.rules :
      aws_network_acl_rule.this[key].network_acl_id == aws_network_acl.this[rule.tier].id
      && aws_network_acl_rule.this[key].egress == rule.egress
      && aws_network_acl_rule.this[key].rule_number == rule.number
      && aws_network_acl_rule.this[key].rule_action == rule.action
      && aws_network_acl_rule.this[key].cidr_block == rule.cidr
      && aws_network_acl_rule.this[key].protocol == rule.protocol
      && (rule.from == null || (aws_network_acl_rule.this[key].from_port == rule.from && aws_network_acl_rule.this[key].to_port == rule.to))
    ])
    error_message = "Every rule of the table must be in the ACL of its tier, unchanged."
  }

  assert {
    condition     = aws_network_acl_rule.this["data/ingress/mysql"].cidr_block == "10.20.128.0/17" && aws_network_acl_rule.this["data/ingress/mysql"].from_port == 3306
    error_message = "The data tier must accept the private tier's range."
  }
}

run "other_ports" {
  command = plan

  variables {
    data_ports   = { mysql = 3307 }
    target_ports = [9090]
    egress_ports = [443, 22]
  }

  assert {
    condition = (
      aws_network_acl_rule.this["data/ingress/mysql"].from_port == 3307
      && contains(keys(aws_network_acl_rule.this), "private/ingress/target-9090")
      && contains(keys(aws_network_acl_rule.this), "private/egress/internet-22")
    )
    error_message = "The given ports must reach the rules."
  }
}

run "too_few_zones_in_the_region" {
  command = plan

  variables {
    zones = 4
  }

  expect_failures = [aws_vpc.this]
}

run "too_few_zones_named" {
  command = plan

  variables {
    zones      = 3
    zone_names = ["eu-west-1a", "eu-west-1b", "eu-west-1b"]
  }

  expect_failures = [var.zone_names]
}

run "no_such_choice_of_gateways" {
  command = plan

  variables {
    nat_gateways = "two"
  }

  expect_failures = [var.nat_gateways]
}

run "no_such_name" {
  command = plan

  variables {
    name = "acme--dev"
  }

  expect_failures = [var.name]
}

run "no_such_account" {
  command = plan

  variables {
    account_id = "1234"
  }

  expect_failures = [var.account_id]
}
