variable "name" {
  description = "The prefix of every name: <tenant>-<environment>."
  type        = string
  nullable    = false
}

variable "service" {
  description = "The name of the service that runs this task, such as `scheduler`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*$", var.service))
    error_message = "service must be lower-case letters, digits and dashes, starting with a letter."
  }
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

variable "vpc_id" {
  description = "The VPC of the security group."
  type        = string
  nullable    = false
}

variable "image" {
  description = "The image without a digest: the task definition is a template, and a release adds the digest."
  type        = string
  nullable    = false
}

variable "repository_arn" {
  description = "The ARN of the image's repository. The task may pull only from it."
  type        = string
  nullable    = false
}

variable "command" {
  description = "The command and its arguments. It must contain no secret: process lists show it."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.command) > 0
    error_message = "command must have at least one word."
  }
}

variable "user" {
  description = "The user and group of the container, as numbers. Default: Airflow's user 50000 in group 0."
  type        = string
  default     = "50000:0"
  nullable    = false

  validation {
    condition     = can(regex("^[1-9][0-9]*:[0-9]+$", var.user))
    error_message = "user must be `<uid>:<gid>`, and not root."
  }
}

variable "environment" {
  description = "Plain environment variables, by name."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "secrets" {
  description = "Secret environment variables: a map from a name to the ARN of a Secrets Manager secret. ARN:key:: selects one key of a JSON secret."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "kms_key_arn" {
  description = "The ARN of the KMS key for logs, secrets and sessions."
  type        = string
  nullable    = false
}

variable "cpu" {
  description = "CPU units: 256, 512, 1024, 2048, 4096, 8192 or 16384."
  type        = number
  nullable    = false

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192, 16384], var.cpu)
    error_message = "cpu must be a value that Fargate offers: 256, 512, 1024, 2048, 4096, 8192 or 16384."
  }
}

variable "memory" {
  description = "Memory in MiB, an amount that Fargate offers for the CPU units."
  type        = number
  nullable    = false

  # AWS: Amazon ECS Developer Guide, "Task CPU and memory" for Fargate.
  validation {
    condition = contains(lookup({
      256   = [512, 1024, 2048]
      512   = range(1024, 4097, 1024)
      1024  = range(2048, 8193, 1024)
      2048  = range(4096, 16385, 1024)
      4096  = range(8192, 30721, 1024)
      8192  = range(16384, 61441, 4096)
      16384 = range(32768, 122881, 8192)
    }, var.cpu, []), var.memory)
    error_message = "memory must be an amount in MiB that Fargate offers for this cpu. 256: 512 to 2048. 512: 1024 to 4096. 1024: 2048 to 8192. 2048: 4096 to 16384. 4096: 8192 to 30720. 8192: 16384 to 61440 in steps of 4096. 16384: 32768 to 122880 in steps of 8192."
  }
}

variable "architecture" {
  description = "The processor architecture: arm64 (default) or x86_64."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64."
  }
}

variable "ports" {
  description = "The ports that the container listens on."
  type        = list(number)
  default     = []
  nullable    = false
}

variable "health_command" {
  description = "A cheap command that exits with 0 while the container is healthy. Null (default): a running container is healthy."
  type        = list(string)
  default     = null
}

variable "stop_grace_s" {
  description = "The stop grace period: seconds between SIGTERM and SIGKILL, at most 120 on Fargate."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.stop_grace_s >= 2 && var.stop_grace_s <= 120
    error_message = "stop_grace_s must be 2 to 120, the limit of Fargate."
  }
}

variable "kernel" {
  description = "Kernel parameters, such as `net.ipv4.tcp_retries2`. They apply to the whole task."
  type        = map(string)
  default     = {}
  nullable    = false

  # A task on Fargate has a network of its own, but shares all other parameters.
  validation {
    condition     = alltrue([for name in keys(var.kernel) : startswith(name, "net.")])
    error_message = "kernel may have only names that begin with net., because a task on Fargate shares the others."
  }
}

variable "dags" {
  description = "The shared file system with DAGs, mounted at `path` through an access point. Null (default): the task has no DAGs."
  type = object({
    file_system_id   = string
    file_system_arn  = string
    access_point_id  = string
    access_point_arn = string
    path             = optional(string, "/opt/airflow/dags")
    write            = optional(bool, false)
  })
  default = null
}

variable "exec" {
  description = "The log group in which ECS Exec records its sessions, which this allows. Null (default): ECS Exec is not allowed."
  type        = object({ log_group_arn = string })
  default     = null
}

variable "statements" {
  description = "Additional permissions of the container: statements in the shape of IAM's JSON."
  type        = any
  default     = []
  nullable    = false
}

variable "policy_arns" {
  description = "ARNs of further IAM policies for the task role, such as the company's."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "The ARN of the permissions boundary of both roles. Null (default): none."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days that CloudWatch keeps the logs."
  type        = number
  default     = 30
  nullable    = false
}
