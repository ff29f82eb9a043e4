# A load balancer with one listener for requests and a target group for each route. The listener refuses all other
# requests.

module "names" {
  source = "../names"

  names = merge(
    { load-balancer = { value = "${var.name}-${var.purpose}", limit = 32 } },
    # The name contains the port: if the port changes, the new group is created before the old one is destroyed, and
    # needs another name.
    { for key, route in var.routes : "route/${key}" => { value = "${var.name}-${var.purpose}-${key}-${route.port}", limit = 32 } },
  )
}

resource "aws_security_group" "this" {
  name        = "${var.name}-${var.purpose}"
  description = "The load balancer ${var.purpose}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-${var.purpose}" }
}

resource "aws_lb" "this" {
  #checkov:skip=CKV_AWS_150:on in production; environments that may be destroyed at any time leave it off
  #checkov:skip=CKV2_AWS_28:a web application firewall is a choice of the company; aws_wafv2_web_acl_association takes the ARN that this module returns
  name                       = module.names.names["load-balancer"]
  load_balancer_type         = "application"
  internal                   = var.internal
  subnets                    = var.subnet_ids
  security_groups            = [aws_security_group.this.id]
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  enable_deletion_protection = var.deletion_protection
  idle_timeout               = var.idle_timeout_s

  access_logs {
    bucket  = var.access_log_bucket
    prefix  = var.purpose
    enabled = true
  }
}

resource "aws_lb_target_group" "this" {
  #checkov:skip=CKV_AWS_378:TLS ends at the load balancer; only its security group reaches the containers
  for_each = var.routes

  name        = module.names.names["route/${each.key}"]
  vpc_id      = var.vpc_id
  target_type = "ip"
  protocol    = "HTTP"
  port        = each.value.port

  # Before ECS stops a task, requests in flight have this many seconds to finish; ECS sends SIGTERM after that.
  deregistration_delay = 30

  health_check {
    path                = each.value.health_path
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }

  stickiness {
    type            = "lb_cookie"
    enabled         = each.value.sticky
    cookie_duration = 86400
  }

  lifecycle {
    create_before_destroy = true
  }
}

# Requests that match no rule get 404.
resource "aws_lb_listener" "this" {
  #checkov:skip=CKV_AWS_2:plain HTTP only without a certificate, and then the load balancer is internal (see the variable)
  #checkov:skip=CKV_AWS_103:a listener with TLS has the policy ELBSecurityPolicy-TLS13-1-2-2021-06
  load_balancer_arn = aws_lb.this.arn
  port              = var.secure ? 443 : 80
  protocol          = var.secure ? "HTTPS" : "HTTP"
  certificate_arn   = var.certificate_arn
  ssl_policy        = var.secure ? "ELBSecurityPolicy-TLS13-1-2-2021-06" : null

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = "not found"
      status_code  = "404"
    }
  }
}

resource "aws_lb_listener" "redirect" {
  count = var.secure && var.redirect_http ? 1 : 0

  load_balancer_arn = aws_lb.this.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      protocol    = "HTTPS"
      port        = "443"
      status_code = "HTTP_301"
    }
  }
}

resource "aws_lb_listener_rule" "deny" {
  count = length(var.denied_paths) == 0 ? 0 : 1

  listener_arn = aws_lb_listener.this.arn
  priority     = 1

  condition {
    path_pattern {
      values = var.denied_paths
    }
  }

  action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = "not found"
      status_code  = "404"
    }
  }

  tags = { Name = "deny" }
}

resource "aws_lb_listener_rule" "route" {
  for_each = var.routes

  listener_arn = aws_lb_listener.this.arn
  priority     = each.value.priority

  condition {
    path_pattern {
      values = each.value.paths
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this[each.key].arn
  }

  tags = { Name = each.key }

  # The rule that denies must exist before any route, so that no request can pass it.
  depends_on = [aws_lb_listener_rule.deny]
}
