# Checks every size of range with every number of zones. For the tests only.

locals {
  cidrs = [
    "10.0.0.0/16", "10.1.128.0/17", "172.16.64.0/18", "192.168.96.0/19", "10.20.48.0/20", "100.64.8.0/21", "10.255.252.0/22",
  ]

  cases = {
    for pair in setproduct(local.cidrs, [2, 3, 4, 5, 6]) : "${pair[0]} ${pair[1]}" => { cidr = pair[0], zones = pair[1] }
  }
}

module "subnets" {
  source   = "../.."
  for_each = local.cases

  cidr  = each.value.cidr
  zones = each.value.zones
}

locals {
  subnets = {
    for key, case in local.cases : key => concat(
      [for cidr in module.subnets[key].public : { tier = "public", cidr = cidr }],
      [for cidr in module.subnets[key].private : { tier = "private", cidr = cidr }],
      [for cidr in module.subnets[key].data : { tier = "data", cidr = cidr }],
    )
  }

  # Ranges as numbers, so that this check does not depend on the functions that computed them.
  all = toset(concat(local.cidrs, flatten([for subnets in values(local.subnets) : [for subnet in subnets : subnet.cidr]])))
  spans = {
    for cidr in local.all : cidr => {
      first = sum([for index, part in split(".", split("/", cidr)[0]) : tonumber(part) * pow(256, 3 - index)])
      size  = pow(2, 32 - tonumber(split("/", cidr)[1]))
    }
  }
}

output "cases" {
  value = length(local.cases)
}

output "counts" {
  description = "Cases whose tiers do not each have one subnet for each zone."
  value = [
    for key, case in local.cases : key
    if length(module.subnets[key].public) != case.zones || length(module.subnets[key].private) != case.zones || length(module.subnets[key].data) != case.zones
  ]
}

output "overlaps" {
  description = "Pairs of subnets of one case that share an address."
  value = flatten([
    for key, subnets in local.subnets : [
      for a, one in subnets : [
        for b, other in subnets : "${key}: ${one.cidr} ${other.cidr}"
        if a < b
        && local.spans[one.cidr].first < local.spans[other.cidr].first + local.spans[other.cidr].size
        && local.spans[other.cidr].first < local.spans[one.cidr].first + local.spans[one.cidr].size
      ]
    ]
  ])
}

output "outside" {
  description = "Subnets that are not completely inside the divided range."
  value = flatten([
    for key, case in local.cases : [
      for subnet in local.subnets[key] : "${key}: ${subnet.cidr}"
      if local.spans[subnet.cidr].first < local.spans[case.cidr].first
      || local.spans[subnet.cidr].first + local.spans[subnet.cidr].size > local.spans[case.cidr].first + local.spans[case.cidr].size
    ]
  ])
}

output "moved" {
  description = "Subnets that move if there are six zones."
  value = flatten([
    for key, case in local.cases : [
      for tier in ["public", "private", "data"] : [
        for zone in range(case.zones) : "${key}: ${tier} ${zone}"
        if module.subnets[key][tier][zone] != module.subnets["${case.cidr} 6"][tier][zone]
      ]
    ]
  ])
}

output "too_small" {
  description = "Subnets with fewer than the 32 addresses (a /27) that a load balancer needs."
  value = flatten([
    for key, subnets in local.subnets : [for subnet in subnets : "${key}: ${subnet.cidr}" if local.spans[subnet.cidr].size < 32]
  ])
}

output "shares" {
  description = "The share of each tier in the addresses of each range, if all eight pieces were used."
  value = distinct([
    for key, case in local.cases : {
      for tier in ["public", "private", "data"] : tier => 8 * local.spans[module.subnets[key][tier][0]].size / local.spans[case.cidr].size
    }
  ])
}
