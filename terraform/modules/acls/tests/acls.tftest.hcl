variables {
  ranges       = { public = "10.20.0.0/18", data = "10.20.64.0/18", private = "10.20.128.0/17" }
  data_ports   = { mysql = 3306, redis = 6379, nfs = 2049 }
  target_ports = [8080, 5555]
  egress_ports = [443]
}

run "rules" {
  command = plan

  assert {
    condition     = alltrue([for rule in values(output.rules) : rule.number >= 1 && rule.number <= 32766])
    error_message = "AWS numbers rules from 1 to 32766."
  }

  assert {
    condition = alltrue([
      for pair in setproduct(["public", "private", "data"], [true, false]) :
      length([for rule in values(output.rules) : rule if rule.tier == pair[0] && rule.egress == pair[1]]) <= 20
    ])
    error_message = "AWS allows 20 rules in each direction of an ACL."
  }

  assert {
    condition     = alltrue([for rule in values(output.rules) : (rule.protocol == "-1") == (rule.from == null && rule.to == null)])
    error_message = "A rule applies to all traffic or to TCP ports."
  }
}

# Addresses: 10.20.1.9 is public, 10.20.65.9 data, 10.20.129.9 private, 198.51.100.7 on the internet.
run "what_passes_and_what_does_not" {
  command = plan

  module {
    source = "./tests/decide"
  }

  variables {
    rules = run.rules.rules

    expected = [
      # Users reach load balancers, and get return traffic.
      "public ingress 198.51.100.7 443 allow",
      "public ingress 198.51.100.7 80 allow",
      "public egress 198.51.100.7 50000 allow",
      "public egress 198.51.100.7 1024 allow",
      "public ingress 198.51.100.7 22 deny",
      "public ingress 198.51.100.7 1023 deny",
      "public egress 198.51.100.7 1023 deny",
      "public egress 198.51.100.7 25 deny",

      # Load balancers reach containers, and get return traffic.
      "public egress 10.20.129.9 8080 allow",
      "private ingress 10.20.1.9 8080 allow",
      "private ingress 10.20.1.9 5555 allow",
      "private egress 10.20.1.9 1024 allow",
      "public ingress 10.20.129.9 50000 allow",
      "private ingress 10.20.1.9 8793 deny",
      "private ingress 10.20.1.9 443 deny",
      "private ingress 10.20.1.9 50000 deny",
      "private egress 10.20.1.9 80 deny",

      # Containers reach each other on every port.
      "private ingress 10.20.129.9 8793 allow",
      "private ingress 10.20.129.9 443 allow",
      "private egress 10.20.129.9 8080 allow",
      "private egress 10.20.129.9 443 allow",

      # Containers reach the internet through a NAT gateway, and get return traffic. The internet cannot reach them
      # below 1024.
      "private egress 198.51.100.7 443 allow",
      "public ingress 10.20.129.9 443 allow",
      "public egress 198.51.100.7 443 allow",
      "public ingress 198.51.100.7 50000 allow",
      "public egress 10.20.129.9 50000 allow",
      "private ingress 198.51.100.7 50000 allow",
      "private ingress 198.51.100.7 443 deny",
      "private egress 198.51.100.7 80 deny",
      "private egress 198.51.100.7 22 deny",
      "private egress 198.51.100.7 25 deny",
      "public egress 198.51.100.7 80 deny",

      # Containers reach the data tier's ports, and get return traffic.
      "private egress 10.20.65.9 3306 allow",
      "private egress 10.20.65.9 6379 allow",
      "private egress 10.20.65.9 2049 allow",
      "data ingress 10.20.129.9 3306 allow",
      "data ingress 10.20.129.9 6379 allow",
      "data ingress 10.20.129.9 2049 allow",
      "data egress 10.20.129.9 32768 allow",
      "data egress 10.20.129.9 65535 allow",
      "private ingress 10.20.65.9 32768 allow",
      "private egress 10.20.65.9 5432 deny",
      "private egress 10.20.65.9 22 deny",
      "data ingress 10.20.129.9 22 deny",
      "data ingress 10.20.129.9 443 deny",

      # The data tier opens no connections: containers listen below 32768.
      "data egress 10.20.129.9 8080 deny",
      "private ingress 10.20.65.9 8080 deny",
      "private ingress 10.20.65.9 443 deny",
      "data egress 198.51.100.7 443 deny",
      "data egress 198.51.100.7 50000 deny",
      "data egress 10.20.1.9 50000 deny",
      "data egress 10.20.65.9 3306 deny",

      # No other part of the network reaches the data tier.
      "data ingress 10.20.1.9 3306 deny",
      "data ingress 198.51.100.7 3306 deny",
      "data ingress 10.20.65.9 3306 deny",
      "public egress 10.20.65.9 443 allow",
      "data ingress 10.20.1.9 443 deny",
    ]
  }

  assert {
    condition     = length(output.wrong) == 0
    error_message = "Wrong decisions: ${join("; ", output.wrong)}"
  }

  assert {
    condition     = length(output.collisions) == 0
    error_message = "Two rules have one number: ${join("; ", output.collisions)}"
  }
}

run "more_ports" {
  command = plan

  variables {
    data_ports   = { mysql = 3306, redis = 6379, nfs = 2049, aurora = 3307 }
    target_ports = [8080, 5555, 9090]
    egress_ports = [443, 80, 22, 3306, 27017]
  }

  assert {
    condition     = alltrue([for key, rule in run.rules.rules : rule == output.rules[key]])
    error_message = "A new port must not change an existing rule."
  }

  assert {
    condition     = length(output.rules) == length(run.rules.rules) + 2 + 1 + 4 * 3
    error_message = "A port of the data tier needs two rules, a port of a container needs one, and a port on the internet needs three."
  }
}

run "what_more_ports_let_pass" {
  command = plan

  module {
    source = "./tests/decide"
  }

  variables {
    rules = run.more_ports.rules

    expected = [
      "private egress 198.51.100.7 27017 allow",
      "private egress 198.51.100.7 3306 allow",
      "public ingress 10.20.129.9 22 allow",
      "public egress 198.51.100.7 22 allow",
      "public ingress 198.51.100.7 22 deny",
      "private ingress 10.20.1.9 9090 allow",
      "data ingress 10.20.129.9 3307 allow",
      "private egress 10.20.65.9 3307 allow",
    ]
  }

  assert {
    condition     = length(output.wrong) == 0
    error_message = "Wrong decisions: ${join("; ", output.wrong)}"
  }

  assert {
    condition     = length(output.collisions) == 0
    error_message = "Two rules have one number: ${join("; ", output.collisions)}"
  }
}

run "ranges_must_be_ranges" {
  command = plan

  variables {
    ranges = { public = "10.20.0.0", data = "10.20.64.0/18", private = "10.20.128.0/17" }
  }

  expect_failures = [var.ranges]
}

run "a_data_tier_without_ports_is_a_mistake" {
  command = plan

  variables {
    data_ports = {}
  }

  expect_failures = [var.data_ports]
}

run "data_ports_must_have_numbers_of_their_own" {
  command = plan

  variables {
    data_ports = { mysql = 3306, proxy = 13306 }
  }

  expect_failures = [var.data_ports]
}

run "containers_do_not_listen_below_1024" {
  command = plan

  variables {
    target_ports = [80]
  }

  expect_failures = [var.target_ports]
}

run "target_ports_must_have_numbers_of_their_own" {
  command = plan

  variables {
    target_ports = [8080, 18080]
  }

  expect_failures = [var.target_ports]
}

run "aws_needs_443" {
  command = plan

  variables {
    egress_ports = [80]
  }

  expect_failures = [var.egress_ports]
}

run "there_is_no_port_70000" {
  command = plan

  variables {
    egress_ports = [443, 70000]
  }

  expect_failures = [var.egress_ports]
}

run "more_ports_than_an_acl_has_room_for" {
  command = plan

  variables {
    egress_ports = [443, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010]
  }

  expect_failures = [var.egress_ports]
}
