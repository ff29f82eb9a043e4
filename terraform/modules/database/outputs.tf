output "address" {
  description = "The host name of the server. It stays the same when the standby takes over."
  value       = aws_db_instance.this.address
}

output "port" {
  description = "The port of the server."
  value       = aws_db_instance.this.port
}

output "name" {
  description = "The name of Airflow's schema, which `init-db-users` creates."
  value       = "airflow"
}

output "identifier" {
  description = "The identifier of the instance, which is the dimension of its metrics."
  value       = aws_db_instance.this.identifier
}

output "arn" {
  description = "The ARN of the instance."
  value       = aws_db_instance.this.arn
}

output "resource_id" {
  description = "The resource id of the instance, which identifies it in insights and in the log group of metrics."
  value       = aws_db_instance.this.resource_id
}

output "security_group_id" {
  description = "The security group of the database, without rules."
  value       = aws_security_group.this.id
}

output "master_secret_arn" {
  description = "The ARN of the secret with the administrator's user and password, as JSON. RDS rotates it."
  value       = one(aws_db_instance.this.master_user_secret[*].secret_arn)
}
