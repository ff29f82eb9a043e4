output "services" {
  description = "The names of the ECS services, by replica set."
  value       = { for key, service in module.service : key => service.name }
}
