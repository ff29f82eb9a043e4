output "arn" {
  description = "The ARN of the load balancer."
  value       = aws_lb.this.arn
}

output "arn_suffix" {
  description = "The part of the ARN that CloudWatch uses as the name of the load balancer."
  value       = aws_lb.this.arn_suffix
}

output "dns_name" {
  description = "The DNS name that AWS gave to the load balancer."
  value       = aws_lb.this.dns_name
}

output "zone_id" {
  description = "The id of the Route 53 zone of that DNS name, for alias records."
  value       = aws_lb.this.zone_id
}

output "security_group_id" {
  description = "The id of its security group, which has no rules of its own."
  value       = aws_security_group.this.id
}

output "port" {
  description = "The port of its listener."
  value       = aws_lb_listener.this.port
}

output "target_groups" {
  description = "The target groups by route: the ARN, and the part of the ARN that CloudWatch uses as name."
  value       = { for key, group in aws_lb_target_group.this : key => { arn = group.arn, arn_suffix = group.arn_suffix } }

  # ECS refuses a target group before a listener uses it.
  depends_on = [aws_lb_listener_rule.route]
}
