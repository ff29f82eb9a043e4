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
  description = "The ARN of the KMS key that encrypts messages. CloudWatch must be allowed to use it."
  type        = string
  nullable    = false
}

variable "emails" {
  description = "The e-mail addresses that get alarms. The owner of each confirms once, in a message that AWS sends."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "cluster_name" {
  description = "The name of the ECS cluster."
  type        = string
  nullable    = false
}

variable "services" {
  description = "A map from the name of each ECS service to the minimum number of copies. With 0 there is no alarm."
  type        = map(number)
  nullable    = false
}

variable "load_balancers" {
  description = "A map from a name to the load balancer as CloudWatch names it (`arn_suffix`)."
  type        = map(string)
  nullable    = false
}

variable "target_groups" {
  description = "A map from a name to a target group and its load balancer, as CloudWatch names them (`arn_suffix`)."
  type        = map(object({ load_balancer = string, arn_suffix = string }))
  nullable    = false
}

variable "database" {
  description = "The database: its identifier, and its storage in GiB."
  type        = object({ identifier = string, storage_gb = number })
  nullable    = false
}

variable "broker_node_ids" {
  description = "The ids of the broker's nodes."
  type        = list(string)
  nullable    = false
}

variable "file_system_id" {
  description = "The id of the shared file system."
  type        = string
  nullable    = false
}

variable "controller" {
  description = "If true, a controller sends metrics of the namespace Tradewind, and their alarms exist. Default: false."
  type        = bool
  default     = false
  nullable    = false
}
