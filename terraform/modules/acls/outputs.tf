output "rules" {
  description = "The rules, by `<tier>/<ingress or egress>/<purpose>`. Ports are null if the rule applies to all traffic."
  value = {
    for key, rule in local.rules : key => {
      tier     = split("/", key)[0]
      egress   = split("/", key)[1] == "egress"
      number   = rule.number
      action   = try(rule.deny, false) ? "deny" : "allow"
      cidr     = rule.cidr
      protocol = can(rule.from) ? "tcp" : "-1"
      from     = try(rule.from, null)
      to       = try(rule.to, null)
    }
  }
}
