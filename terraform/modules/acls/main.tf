# Network ACLs are stateless: return traffic needs a rule too, for the ports that a client may have chosen. A rule
# without ports applies to all traffic. Of the matching rules, the rule with the lowest number decides.

locals {
  anywhere = "0.0.0.0/0"

  any_caller   = { from = 1024, to = 65535 }  # load balancers, NAT gateways, hosts on the internet
  linux_caller = { from = 32768, to = 65535 } # containers: Linux chooses from 32768 up

  # The number of a rule depends only on its own port, so that a new port renumbers no other rule.
  data     = { for name, port in var.data_ports : name => { number = 10000 + port % 10000, from = port, to = port } }
  targets  = { for port in var.target_ports : "target-${port}" => { number = 10000 + port % 10000, from = port, to = port } }
  internet = { for port in var.egress_ports : "internet-${port}" => { number = 21000 + port % 10000, from = port, to = port } }

  # Load balancers and NAT gateways.
  public = merge(
    {
      "ingress/https"   = { number = 100, cidr = local.anywhere, from = 443, to = 443 }
      "ingress/http"    = { number = 110, cidr = local.anywhere, from = 80, to = 80 }
      "ingress/answers" = merge({ number = 200, cidr = local.anywhere }, local.any_caller)

      # Return traffic to users, to containers behind a load balancer, and from NAT gateways to the private tier.
      "egress/answers" = merge({ number = 200, cidr = local.anywhere }, local.any_caller)
    },
    { for name, rule in local.internet : "ingress/${name}" => merge(rule, { cidr = var.ranges.private }) },
    { for name, rule in local.internet : "egress/${name}" => merge(rule, { cidr = local.anywhere }) },
  )

  # Containers. Return traffic from the internet may come from any address, so lower rules deny the other tiers first.
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

  # Accepts a few ports from the private tier only, and opens no connections.
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
