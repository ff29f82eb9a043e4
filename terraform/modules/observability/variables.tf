variable "name" {
  description = "The prefix of every name: <tenant>-<environment>."
  type        = string
  nullable    = false
}

variable "region" {
  description = "The AWS region."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "The 12 digits of the AWS account."
  type        = string
  nullable    = false
}

variable "kms_key_arn" {
  description = "The ARN of the KMS key that encrypts what is sent. CloudWatch must be allowed to use it."
  type        = string
  nullable    = false
}

variable "emails" {
  description = "Who is told. Each address confirms once, in a message that AWS sends."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "cluster_name" {
  description = "The ECS cluster."
  type        = string
  nullable    = false
}

variable "services" {
  description = "From the name of each ECS service to the smallest number of copies that must run. With 0 there is no alarm."
  type        = map(number)
  nullable    = false
}

variable "load_balancers" {
  description = "From a name to what CloudWatch calls the load balancer (`arn_suffix`)."
  type        = map(string)
  nullable    = false
}

variable "target_groups" {
  description = "From a name to a target group and its load balancer, as CloudWatch calls them."
  type        = map(object({ load_balancer = string, arn_suffix = string }))
  nullable    = false
}

variable "database" {
  description = "The database: its identifier and its storage."
  type        = object({ identifier = string, storage_gb = number })
  nullable    = false
}

variable "broker_node_ids" {
  description = "The nodes of the broker."
  type        = list(string)
  nullable    = false
}

variable "file_system_id" {
  description = "The shared file system."
  type        = string
  nullable    = false
}

variable "controller" {
  description = "Whether a controller runs, which sends the metrics of the namespace Tradewind."
  type        = bool
  default     = false
  nullable    = false
}
