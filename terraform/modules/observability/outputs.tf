output "topic_arn" {
  description = "The ARN of the topic of all alarms."
  value       = aws_sns_topic.alarms.arn
}

output "dashboard_name" {
  description = "The name of the dashboard."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}

output "alarm_names" {
  description = "The names of all alarms."
  value       = [for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name]
}
