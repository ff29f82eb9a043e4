variable "service" {
  description = "The name of the worker class's service, such as `worker-heavy`; the ECS services are its `-a` and `-b`."
  type        = string
  nullable    = false
}

variable "cluster_name" {
  description = "The name of the ECS cluster."
  type        = string
  nullable    = false
}

variable "cluster_arn" {
  description = "The ARN of the ECS cluster."
  type        = string
  nullable    = false
}

variable "task_definition_arn" {
  description = "The template revision that the service is made with. A release moves it to real ones."
  type        = string
  nullable    = false
}

variable "security_group_id" {
  description = "The security group of its tasks."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "The private subnets that tasks run in, in two or more zones."
  type        = list(string)
  nullable    = false
}

variable "spot" {
  description = "Run on Fargate Spot: cheaper, and AWS may end a task with two minutes' notice."
  type        = bool
  default     = false
  nullable    = false
}

variable "exec" {
  description = "Whether ECS Exec sessions are allowed."
  type        = bool
  default     = true
  nullable    = false
}
