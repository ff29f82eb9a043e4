# Coarse limits between tiers, which apply even if a security group is wrong. modules/acls has the table.

module "acls" {
  source = "../acls"

  ranges       = module.subnets.ranges
  data_ports   = var.data_ports
  target_ports = var.target_ports
  egress_ports = var.egress_ports
}

resource "aws_network_acl" "this" {
  for_each = {
    public  = aws_subnet.public
    private = aws_subnet.private
    data    = aws_subnet.data
  }

  vpc_id     = aws_vpc.this.id
  subnet_ids = [for subnet in each.value : subnet.id]

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_network_acl_rule" "this" {
  for_each = module.acls.rules

  network_acl_id = aws_network_acl.this[each.value.tier].id
  egress         = each.value.egress
  rule_number    = each.value.number
  rule_action    = each.value.action
  cidr_block     = each.value.cidr
  protocol       = each.value.protocol
  from_port      = each.value.from
  to_port        = each.value.to
}
