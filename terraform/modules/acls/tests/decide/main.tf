# The decisions of the rules, in the order of AWS: from the lowest number up, the first matching rule decides. For the
# tests only.

variable "rules" {
  type = map(object({
    tier = string, egress = bool, number = number, action = string, cidr = string, protocol = string, from = number, to = number
  }))
}

variable "expected" {
  description = "Lines of: tier direction address port decision"
  type        = list(string)
}

locals {
  questions = {
    for line in var.expected : line => {
      tier    = split(" ", line)[0]
      egress  = split(" ", line)[1] == "egress"
      address = sum([for index, part in split(".", split(" ", line)[2]) : tonumber(part) * pow(256, 3 - index)])
      port    = tonumber(split(" ", line)[3])
      wanted  = split(" ", line)[4]
    }
  }

  spans = {
    for cidr in distinct([for rule in values(var.rules) : rule.cidr]) : cidr => {
      first = sum([for index, part in split(".", split("/", cidr)[0]) : tonumber(part) * pow(256, 3 - index)])
      size  = pow(2, 32 - tonumber(split("/", cidr)[1]))
    }
  }

  # Keys are padded, so that they sort like numbers; a for expression groups and sorts by key.
  fitting = {
    for line, question in local.questions : line => {
      for key, rule in var.rules : format("%05d", rule.number) => rule.action...
      if rule.tier == question.tier && rule.egress == question.egress
      && question.address >= local.spans[rule.cidr].first
      && question.address < local.spans[rule.cidr].first + local.spans[rule.cidr].size
      && (rule.protocol == "-1" || (question.port >= coalesce(rule.from, 0) && question.port <= coalesce(rule.to, 65535)))
    }
  }
}

output "wrong" {
  description = "The lines with another decision than expected."
  value = [
    for line, question in local.questions : line
    if(length(local.fitting[line]) == 0 ? "deny" : local.fitting[line][sort(keys(local.fitting[line]))[0]][0]) != question.wanted
  ]
}

output "collisions" {
  description = "Numbers that one ACL has twice in one direction, which AWS refuses."
  value = [
    for number, keys in { for key, rule in var.rules : "${rule.tier} ${rule.egress ? "egress" : "ingress"} ${rule.number}" => key... } : "${number}: ${join(", ", keys)}"
    if length(keys) > 1
  ]
}
