# Users of these outputs may mount at once, so the outputs depend on everything that a mount needs.

output "file_system_id" {
  description = "The id of the file system."
  value       = aws_efs_file_system.this.id
  depends_on  = [aws_efs_mount_target.this, aws_efs_file_system_policy.this]
}

output "file_system_arn" {
  description = "The ARN of the file system."
  value       = aws_efs_file_system.this.arn
}

output "read_only_access_point" {
  description = "The access point for reading DAGs: id and arn."
  value = {
    id  = aws_efs_access_point.this["read-only"].id
    arn = aws_efs_access_point.this["read-only"].arn
  }
}

output "read_write_access_point" {
  description = "The access point for writing DAGs, which only the controller uses: id and arn."
  value = {
    id  = aws_efs_access_point.this["read-write"].id
    arn = aws_efs_access_point.this["read-write"].arn
  }
}

output "security_group_id" {
  description = "The security group of the mount targets, without rules."
  value       = aws_security_group.this.id
}
