variable "service" {
  description = "The name of the service, and of the container in its task."
  type        = string
  nullable    = false
}

variable "replica_set" {
  description = "Which of the ECS services that share the copies this is: a letter. Null: there is one."
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

variable "target_groups" {
  description = "Target groups that send requests to it: their ARN, and the port of the container."
  type        = map(object({ arn = string, port = number }))
  default     = {}
  nullable    = false
}

variable "health_check_grace_s" {
  description = "For how long after a task's start the load balancer's verdict does not count, in seconds."
  type        = number
  default     = 180
  nullable    = false
}

variable "scaling" {
  description = "Limits and target of Application Auto Scaling, and the times at which limits change. Null: a fixed number."
  type = object({
    min                = number
    max                = number
    target_cpu_percent = number
    schedule           = optional(map(object({ cron = string, min = number, max = number })), {})
  })
  default = null

  validation {
    condition     = try(var.scaling.min <= var.scaling.max, true)
    error_message = "scaling.min must not be above scaling.max."
  }

  validation {
    condition     = alltrue([for action in try(values(var.scaling.schedule), []) : action.min <= action.max])
    error_message = "The min of a scheduled change must not be above its max."
  }

  validation {
    condition     = alltrue([for action in try(values(var.scaling.schedule), []) : can(regex("^cron\\(([^ ]+ ){5}[^ ]+\\)$", action.cron))])
    error_message = "The cron of a scheduled change must be AWS's: cron(minutes hours day-of-month month day-of-week year)."
  }

  validation {
    condition     = try(var.scaling.target_cpu_percent >= 10 && var.scaling.target_cpu_percent <= 90, true)
    error_message = "scaling.target_cpu_percent must be 10 to 90."
  }
}
