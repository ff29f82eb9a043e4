mock_provider "aws" {}

variables {
  from        = "sg-1"
  to          = "sg-2"
  port        = 3306
  description = "metadata of scheduler"
}

run "both_sides_say_so" {
  assert {
    condition = (
      aws_vpc_security_group_egress_rule.this.security_group_id == "sg-1"
      && aws_vpc_security_group_egress_rule.this.referenced_security_group_id == "sg-2"
      && aws_vpc_security_group_ingress_rule.this.security_group_id == "sg-2"
      && aws_vpc_security_group_ingress_rule.this.referenced_security_group_id == "sg-1"
    )
    error_message = "The first group must allow connections to the second, and the second must accept them from the first."
  }

  assert {
    condition = alltrue([
      for rule in [aws_vpc_security_group_egress_rule.this, aws_vpc_security_group_ingress_rule.this] :
      rule.ip_protocol == "tcp" && rule.from_port == 3306 && rule.to_port == 3306
    ])
    error_message = "Exactly one TCP port must be open."
  }

  assert {
    condition = alltrue([
      for rule in [aws_vpc_security_group_egress_rule.this, aws_vpc_security_group_ingress_rule.this] :
      rule.cidr_ipv4 == null && rule.cidr_ipv6 == null && rule.prefix_list_id == null
    ])
    error_message = "A flow is between groups, never between addresses."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.this.description == "to metadata of scheduler" && aws_vpc_security_group_ingress_rule.this.description == "for metadata of scheduler"
    error_message = "Each rule must describe its purpose."
  }
}

run "port_zero" {
  command = plan

  variables {
    port = 0
  }

  expect_failures = [var.port]
}

run "port_that_tcp_does_not_have" {
  command = plan

  variables {
    port = 65536
  }

  expect_failures = [var.port]
}

run "description_that_ec2_refuses" {
  command = plan

  variables {
    description = "people's pages"
  }

  expect_failures = [var.description]
}

run "no_description" {
  command = plan

  variables {
    description = ""
  }

  expect_failures = [var.description]
}
