# Network ACLs do not remember connections: every answer needs a rule too, for the ports that a caller may have chosen.
# A rule without ports is about everything. Of the rules that fit, the one with the lowest number decides.

locals {
  anywhere = "0.0.0.0/0"

  any_caller   = { from = 1024, to = 65535 }  # load balancers, NAT gateways, hosts on the internet
  linux_caller = { from = 32768, to = 65535 } # containers: Linux chooses from 32768 up

  # A number made of the port never depends on the other ports, so that adding one renumbers nothing.
  data     = { for name, port in var.data_ports : name => { number = 10000 + port % 10000, from = port, to = port } }
  targets  = { for port in var.target_ports : "target-${port}" => { number = 10000 + port % 10000, from = port, to = port } }
  internet = { for port in var.egress_ports : "internet-${port}" => { number = 21000 + port % 10000, from = port, to = port } }

  # Load balancers and NAT gateways.
  public = merge(
    {
      "ingress/https"   = { number = 100, cidr = local.anywhere, from = 443, to = 443 }
      "ingress/http"    = { number = 110, cidr = local.anywhere, from = 80, to = 80 }
      "ingress/answers" = merge({ number = 200, cidr = local.anywhere }, local.any_caller)

      # To people, to containers behind a load balancer, and what NAT gateways bring back to the private tier.
      "egress/answers" = merge({ number = 200, cidr = local.anywhere }, local.any_caller)
    },
    { for name, rule in local.internet : "ingress/${name}" => merge(rule, { cidr = var.ranges.private }) },
    { for name, rule in local.internet : "egress/${name}" => merge(rule, { cidr = local.anywhere }) },
  )

  # Containers. Answers from the internet may come from any address, so the other tiers are refused before them.
  private = merge(
    { for name, rule in local.targets : "ingress/${name}" => merge(rule, { cidr = var.ranges.public }) },
    {
      "ingress/not-public"   = { number = 20000, cidr = var.ranges.public, deny = true }
      "ingress/data-answers" = merge({ number = 20100, cidr = var.ranges.data }, local.linux_caller)
      "ingress/not-data"     = { number = 20200, cidr = var.ranges.data, deny = true }
      "ingress/private"      = { number = 20300, cidr = var.ranges.private }
      "ingress/answers"      = merge({ number = 20400, cidr = local.anywhere }, local.any_caller)

      "egress/private"        = { number = 20000, cidr = var.ranges.private }
      "egress/public-answers" = merge({ number = 20100, cidr = var.ranges.public }, local.any_caller)
    },
    { for name, rule in local.data : "egress/${name}" => merge(rule, { cidr = var.ranges.data }) },
    { for name, rule in local.internet : "egress/${name}" => merge(rule, { cidr = local.anywhere }) },
  )

  # A few ports, for the private tier alone, and it opens nothing itself.
  data_tier = merge(
    { for name, rule in local.data : "ingress/${name}" => merge(rule, { cidr = var.ranges.private }) },
    { "egress/answers" = merge({ number = 200, cidr = var.ranges.private }, local.linux_caller) },
  )

  rules = merge(
    { for name, rule in local.public : "public/${name}" => rule },
    { for name, rule in local.private : "private/${name}" => rule },
    { for name, rule in local.data_tier : "data/${name}" => rule },
  )
}
