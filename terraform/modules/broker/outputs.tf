output "primary_endpoint_address" {
  description = "The host name of the primary. It stays the same when a replica takes over."
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "reader_endpoint_address" {
  description = "The host name that distributes reads over replicas. Celery does not use it."
  value       = aws_elasticache_replication_group.this.reader_endpoint_address
}

output "port" {
  description = "The port of every node."
  value       = aws_elasticache_replication_group.this.port
}

output "id" {
  description = "The id of the replication group."
  value       = aws_elasticache_replication_group.this.id
}

output "arn" {
  description = "The ARN of the replication group."
  value       = aws_elasticache_replication_group.this.arn
}

output "node_ids" {
  description = "The ids of the nodes, which are the dimension CacheClusterId of their metrics. They follow ElastiCache's naming, so they are known before the nodes exist."
  value       = [for node in range(var.replicas + 1) : format("%s-%03d", local.id, node + 1)]
}

output "security_group_id" {
  description = "The security group of the broker, without rules."
  value       = aws_security_group.this.id
}
