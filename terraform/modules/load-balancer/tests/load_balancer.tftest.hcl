mock_provider "aws" {
  mock_resource "aws_lb" {
    defaults = {
      arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/acme-dev-public/0123456789abcdef"
    }
  }

  mock_resource "aws_lb_target_group" {
    defaults = {
      arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/acme-dev-public-web/0123456789abcdef"
    }
  }

  mock_resource "aws_lb_listener" {
    defaults = {
      arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/acme-dev-public/0123456789abcdef/0123456789abcdef"
    }
  }
}

variables {
  name              = "acme-dev"
  purpose           = "public"
  vpc_id            = "vpc-1"
  subnet_ids        = ["subnet-1", "subnet-2"]
  internal          = false
  secure            = true
  certificate_arn   = "arn:aws:acm:eu-west-1:111122223333:certificate/11111111-2222-3333-4444-555555555555"
  redirect_http     = true
  access_log_bucket = "acme-dev-access-logs-111122223333"
  denied_paths      = ["/execution", "/execution/*"]

  routes = {
    web    = { port = 8080, health_path = "/api/v2/version", paths = ["/*"], priority = 1000 }
    flower = { port = 5555, health_path = "/flower/healthcheck", paths = ["/flower", "/flower/*"], priority = 100, sticky = true }
  }
}

run "on_the_internet" {
  assert {
    condition     = aws_lb.this.load_balancer_type == "application" && !aws_lb.this.internal && aws_lb.this.subnets == toset(["subnet-1", "subnet-2"]) && aws_lb.this.name == "acme-dev-public"
    error_message = "It must be an application load balancer in the given subnets."
  }

  assert {
    condition     = aws_lb.this.drop_invalid_header_fields && aws_lb.this.desync_mitigation_mode == "strictest"
    error_message = "The load balancer must drop requests that two servers could interpret in different ways."
  }

  assert {
    condition     = [for logs in aws_lb.this.access_logs : "${logs.bucket} ${logs.prefix} ${logs.enabled}"] == ["acme-dev-access-logs-111122223333 public true"]
    error_message = "The access log must record each request."
  }

  assert {
    condition = (
      aws_lb.this.security_groups == toset([aws_security_group.this.id])
      && length(aws_security_group.this.ingress) == 0
      && length(aws_security_group.this.egress) == 0
      && output.security_group_id == aws_security_group.this.id
    )
    error_message = "It must be behind its own security group, which has no rules of its own."
  }
}

run "tls" {
  assert {
    condition = (
      aws_lb_listener.this.port == 443
      && aws_lb_listener.this.protocol == "HTTPS"
      && aws_lb_listener.this.certificate_arn == var.certificate_arn
      && aws_lb_listener.this.ssl_policy == "ELBSecurityPolicy-TLS13-1-2-2021-06"
      && output.port == 443
    )
    error_message = "It must use TLS 1.2 or newer, with the given certificate."
  }

  assert {
    condition = [for action in aws_lb_listener.redirect[0].default_action : "${action.type} ${action.redirect[0].protocol} ${action.redirect[0].port} ${action.redirect[0].status_code}"] == [
      "redirect HTTPS 443 HTTP_301",
    ] && aws_lb_listener.redirect[0].port == 80
    error_message = "Port 80 must only redirect to HTTPS."
  }
}

run "what_no_rule_names_does_not_exist" {
  assert {
    condition     = [for action in aws_lb_listener.this.default_action : "${action.type} ${action.fixed_response[0].status_code}"] == ["fixed-response 404"]
    error_message = "The default answer must be 404."
  }

  assert {
    condition = (
      aws_lb_listener_rule.deny[0].priority == 1
      && one(one(aws_lb_listener_rule.deny[0].condition).path_pattern).values == toset(["/execution", "/execution/*"])
      && [for action in aws_lb_listener_rule.deny[0].action : "${action.type} ${action.fixed_response[0].status_code}"] == ["fixed-response 404"]
    )
    error_message = "Denied paths must get 404, before any route."
  }

  assert {
    condition     = alltrue([for rule in aws_lb_listener_rule.route : rule.priority > aws_lb_listener_rule.deny[0].priority && rule.listener_arn == aws_lb_listener.this.arn])
    error_message = "Every route must come after the rule that denies."
  }
}

run "routes" {
  assert {
    condition     = { for name, rule in aws_lb_listener_rule.route : name => "${rule.priority} ${join(" ", sort(one(one(rule.condition).path_pattern).values))} ${one(rule.action).type}" } == { web = "1000 /* forward", flower = "100 /flower /flower/* forward" }
    error_message = "Each route must have its paths and the given priority."
  }

  assert {
    condition = { for name, group in aws_lb_target_group.this : name => "${group.name} ${group.target_type} ${group.protocol} ${group.port} ${group.health_check[0].path} ${group.health_check[0].matcher}" } == {
      web    = "acme-dev-public-web-8080 ip HTTP 8080 /api/v2/version 200"
      flower = "acme-dev-public-flower-5555 ip HTTP 5555 /flower/healthcheck 200"
    }
    error_message = "Each target group must have its port and its health check."
  }

  assert {
    condition     = { for name, group in aws_lb_target_group.this : name => group.stickiness[0].enabled } == { web = false, flower = true }
    error_message = "A browser must stay with one copy only if the route says so."
  }

  assert {
    condition     = keys(output.target_groups) == ["flower", "web"] && output.target_groups["web"].arn == aws_lb_target_group.this["web"].arn
    error_message = "Services must get their target groups."
  }
}

run "inside_without_a_certificate" {
  command = plan

  variables {
    internal        = true
    secure          = false
    certificate_arn = null
    denied_paths    = []
  }

  assert {
    condition     = aws_lb.this.internal && aws_lb_listener.this.port == 80 && aws_lb_listener.this.protocol == "HTTP"
    error_message = "Without a certificate it must serve plain HTTP on port 80, and be internal."
  }

  assert {
    condition     = length(aws_lb_listener.redirect) == 0 && length(aws_lb_listener_rule.deny) == 0
    error_message = "Without HTTPS there must be no redirect; without denied paths there must be no rule that denies."
  }
}

run "protected_from_deletion" {
  command = plan

  variables {
    deletion_protection = true
    redirect_http       = false
    idle_timeout_s      = 120
  }

  assert {
    condition     = aws_lb.this.enable_deletion_protection && aws_lb.this.idle_timeout == 120 && length(aws_lb_listener.redirect) == 0
    error_message = "The inputs must reach the load balancer."
  }
}

run "a_name_of_full_length" {
  command = plan

  variables {
    name = "a23456789-b23456789-c23456789-d23456789-e"
  }

  assert {
    condition     = length(aws_lb.this.name) <= 32 && alltrue([for group in aws_lb_target_group.this : length(group.name) <= 32])
    error_message = "AWS allows 32 characters."
  }

  assert {
    condition     = length(distinct([for group in aws_lb_target_group.this : group.name])) == 2
    error_message = "Shortened names must stay different."
  }
}

run "purpose_in_capitals" {
  command = plan

  variables {
    purpose = "Public"
  }

  expect_failures = [var.purpose]
}

run "one_zone" {
  command = plan

  variables {
    subnet_ids = ["subnet-1"]
  }

  expect_failures = [var.subnet_ids]
}

run "passwords_in_clear_on_the_internet" {
  command = plan

  variables {
    secure          = false
    certificate_arn = null
  }

  expect_failures = [var.internal]
}

run "tls_without_a_certificate" {
  command = plan

  variables {
    certificate_arn = null
  }

  expect_failures = [var.certificate_arn]
}

run "six_denied_paths" {
  command = plan

  variables {
    denied_paths = ["/1", "/2", "/3", "/4", "/5", "/6"]
  }

  expect_failures = [var.denied_paths]
}

run "a_route_before_the_rule_that_denies" {
  command = plan

  variables {
    routes = { web = { port = 8080, health_path = "/", paths = ["/*"], priority = 1 } }
  }

  expect_failures = [var.routes]
}

run "two_routes_at_once" {
  command = plan

  variables {
    routes = {
      web    = { port = 8080, health_path = "/", paths = ["/*"], priority = 100 }
      flower = { port = 5555, health_path = "/", paths = ["/flower"], priority = 100 }
    }
  }

  expect_failures = [var.routes]
}

run "six_paths_of_one_route" {
  command = plan

  variables {
    routes = { web = { port = 8080, health_path = "/", paths = ["/1", "/2", "/3", "/4", "/5", "/6"], priority = 100 } }
  }

  expect_failures = [var.routes]
}
