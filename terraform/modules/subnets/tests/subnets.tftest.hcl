run "every_range_with_every_number_of_zones" {
  command = plan

  module {
    source = "./tests/every"
  }

  assert {
    condition     = output.cases == 35
    error_message = "There must be seven sizes of range and five numbers of zones."
  }

  assert {
    condition     = length(output.counts) == 0
    error_message = "Each tier must have one subnet for each zone: ${join("; ", output.counts)}"
  }

  assert {
    condition     = length(output.overlaps) == 0
    error_message = "Subnets must not overlap: ${join("; ", output.overlaps)}"
  }

  assert {
    condition     = length(output.outside) == 0
    error_message = "Subnets must be inside the range: ${join("; ", output.outside)}"
  }

  assert {
    condition     = length(output.moved) == 0
    error_message = "A new zone must not move a subnet: ${join("; ", output.moved)}"
  }

  assert {
    condition     = length(output.too_small) == 0
    error_message = "A load balancer needs a /27: ${join("; ", output.too_small)}"
  }

  assert {
    condition     = jsonencode(output.shares) == jsonencode([{ public = 0.25, private = 0.5, data = 0.25 }])
    error_message = "Half of the addresses must be for the private tier, a quarter for each of the others: ${jsonencode(output.shares)}"
  }
}

run "the_layout_is_the_documented_one" {
  command = plan

  variables {
    cidr  = "10.20.0.0/16"
    zones = 3
  }

  assert {
    condition     = join(" ", output.public) == "10.20.0.0/21 10.20.8.0/21 10.20.16.0/21"
    error_message = "Public subnets have moved: that destroys existing networks."
  }

  assert {
    condition     = join(" ", output.data) == "10.20.64.0/21 10.20.72.0/21 10.20.80.0/21"
    error_message = "Data subnets have moved: that destroys existing databases."
  }

  assert {
    condition     = join(" ", output.private) == "10.20.128.0/20 10.20.144.0/20 10.20.160.0/20"
    error_message = "Private subnets have moved: that destroys existing networks."
  }

  assert {
    condition     = output.ranges == { public = "10.20.0.0/18", data = "10.20.64.0/18", private = "10.20.128.0/17" }
    error_message = "A tier must be one contiguous range that contains its subnets."
  }
}

run "a_range_that_aws_refuses" {
  command = plan

  variables {
    cidr  = "10.0.0.0/15"
    zones = 2
  }

  expect_failures = [var.cidr]
}

run "a_range_too_small_for_load_balancers" {
  command = plan

  variables {
    cidr  = "10.0.0.0/23"
    zones = 2
  }

  expect_failures = [var.cidr]
}

run "a_range_that_starts_in_the_middle" {
  command = plan

  variables {
    cidr  = "10.0.1.0/16"
    zones = 2
  }

  expect_failures = [var.cidr]
}

run "ipv6_is_not_divided" {
  command = plan

  variables {
    cidr  = "2001::/20"
    zones = 2
  }

  expect_failures = [var.cidr]
}

run "one_zone_is_not_enough" {
  command = plan

  variables {
    cidr  = "10.0.0.0/16"
    zones = 1
  }

  expect_failures = [var.zones]
}

run "more_zones_than_a_region_has" {
  command = plan

  variables {
    cidr  = "10.0.0.0/16"
    zones = 7
  }

  expect_failures = [var.zones]
}
