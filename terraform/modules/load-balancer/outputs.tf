output "arn" {
  description = "The ARN of the load balancer."
  value       = aws_lb.this.arn
}

output "arn_suffix" {
  description = "What CloudWatch calls the load balancer."
  value       = aws_lb.this.arn_suffix
}

output "dns_name" {
  description = "The name that AWS gave it."
  value       = aws_lb.this.dns_name
}

output "zone_id" {
  description = "The Route 53 zone of that name, for alias records."
  value       = aws_lb.this.zone_id
}

output "security_group_id" {
  description = "Its security group. It has no rules of its own."
  value       = aws_security_group.this.id
}

output "port" {
  description = "The port of its listener."
  value       = aws_lb_listener.this.port
}

output "target_groups" {
  description = "The target groups by route: ARN, and the name that CloudWatch uses."
  value       = { for key, group in aws_lb_target_group.this : key => { arn = group.arn, arn_suffix = group.arn_suffix } }

  # ECS refuses a target group that no listener uses yet.
  depends_on = [aws_lb_listener_rule.route]
}
