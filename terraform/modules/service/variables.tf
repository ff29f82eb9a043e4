variable "service" {
  description = "The name of the service, and of the container in its task."
  type        = string
  nullable    = false
}

variable "replica_set" {
  description = "The letter of this ECS service, if several ECS services share the copies. Null (default): there is only one."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^[a-z]$", coalesce(var.replica_set, "a")))
    error_message = "replica_set must be one letter."
  }
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
  description = "The ARN of the template revision with which the service is created. Releases replace it."
  type        = string
  nullable    = false
}

variable "security_group_id" {
  description = "The id of the security group of its tasks."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "The ids of the private subnets of its tasks, in two or more zones."
  type        = list(string)
  nullable    = false
}

variable "spot" {
  description = "If true, tasks run on Fargate Spot: cheaper, but AWS may stop a task with two minutes' notice. Default: false."
  type        = bool
  default     = false
  nullable    = false
}

variable "exec" {
  description = "If true (default), ECS Exec sessions are allowed."
  type        = bool
  default     = true
  nullable    = false
}

variable "target_groups" {
  description = "The target groups that send requests to the service: their ARN, and the port of the container. Default: none."
  type        = map(object({ arn = string, port = number }))
  default     = {}
  nullable    = false
}

variable "health_check_grace_s" {
  description = "Seconds after a task's start in which ECS ignores the load balancer's health check. It has an effect only with target_groups."
  type        = number
  default     = 180
  nullable    = false
}

variable "scaling" {
  description = "The limits and the CPU target of Application Auto Scaling, and the times at which the limits change. Null (default): a release sets the number of tasks."
  type = object({
    min                = number
    max                = number
    target_cpu_percent = number
    schedule           = optional(map(object({ cron = string, min = number, max = number })), {})
  })
  default = null

  validation {
    condition     = try(var.scaling.min <= var.scaling.max, true)
    error_message = "scaling.min must be at most scaling.max."
  }

  validation {
    condition     = alltrue([for action in try(values(var.scaling.schedule), []) : action.min <= action.max])
    error_message = "The min of a scheduled change must be at most its max."
  }

  validation {
    condition     = alltrue([for action in try(values(var.scaling.schedule), []) : can(regex("^cron\\(([^ ]+ ){5}[^ ]+\\)$", action.cron))])
    error_message = "The cron of a scheduled change must have AWS's format: cron(minutes hours day-of-month month day-of-week year)."
  }

  validation {
    condition     = try(var.scaling.target_cpu_percent >= 10 && var.scaling.target_cpu_percent <= 90, true)
    error_message = "scaling.target_cpu_percent must be 10 to 90."
  }
}
