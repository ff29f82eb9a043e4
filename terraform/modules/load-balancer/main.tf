# A load balancer with one listener that serves, a route for each group of targets, and nothing by default.

module "names" {
  source = "../names"

  names = merge(
    { load-balancer = { value = "${var.name}-${var.purpose}", limit = 32 } },
    # The port is in the name: a group with another port is made before the old one ends, and needs a name of its own.
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
  #checkov:skip=CKV_AWS_150:on in production; an environment that is made and destroyed at will says otherwise
  #checkov:skip=CKV2_AWS_28:a firewall for web applications is a choice of the company; aws_wafv2_web_acl_association takes the ARN that this module returns
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
  #checkov:skip=CKV_AWS_378:TLS ends at the load balancer; behind it only its security group reaches the containers
  for_each = var.routes

  name        = module.names.names["route/${each.key}"]
  vpc_id      = var.vpc_id
  target_type = "ip"
  protocol    = "HTTP"
  port        = each.value.port

  # Requests in flight have this long when a task is to stop; ECS waits for it before SIGTERM.
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

# What no rule names does not exist.
resource "aws_lb_listener" "this" {
  #checkov:skip=CKV_AWS_2:plain HTTP only where there is no certificate, and then the load balancer is internal (see the variable)
  #checkov:skip=CKV_AWS_103:the policy is ELBSecurityPolicy-TLS13-1-2-2021-06 wherever there is TLS
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

  # Who is not answered here must not slip past the rule that denies.
  depends_on = [aws_lb_listener_rule.deny]
}
