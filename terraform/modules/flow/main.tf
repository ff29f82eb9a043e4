# Allows connections from one group to another on one port. A connection needs both rules.

resource "aws_vpc_security_group_egress_rule" "this" {
  security_group_id            = var.from
  referenced_security_group_id = var.to
  ip_protocol                  = "tcp"
  from_port                    = var.port
  to_port                      = var.port
  description                  = "to ${var.description}"
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  security_group_id            = var.to
  referenced_security_group_id = var.from
  ip_protocol                  = "tcp"
  from_port                    = var.port
  to_port                      = var.port
  description                  = "for ${var.description}"
}
