# `tradewind plan` renders these from tradewind.yaml. Without the command, start from
# terraform/examples/environment.tfvars.json.

variable "tenant" {
  description = "The short name of the company or team."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.tenant) >= 2 && length(var.tenant) <= 20 && can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.tenant))
    error_message = "tenant must be 2 to 20 lower-case letters, digits and single dashes between them, starting with a letter."
  }
}

variable "environment" {
  description = "The name of the environment."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.environment) <= 20 && can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.environment))
    error_message = "environment must be 1 to 20 lower-case letters, digits and single dashes between them, starting with a letter."
  }
}

variable "region" {
  description = "The AWS region."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "The 12 digits of the AWS account. Terraform refuses any other account."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the 12 digits of an AWS account."
  }
}

variable "state_bucket" {
  description = "The name of the account's state bucket. This stack publishes its outputs there, below published/."
  type        = string
  nullable    = false
}

variable "production" {
  description = "If true, the account is for production: deleted secrets can be restored for 30 days instead of 7, and Terraform refuses to destroy buckets that have objects. Default: false."
  type        = bool
  default     = false
  nullable    = false
}

variable "tags" {
  description = "AWS tags for every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "architecture" {
  description = "The processor architecture of every container: arm64 (default) or x86_64."
  type        = string
  default     = "arm64"
  nullable    = false
}

variable "network" {
  description = "The network to create (`cidr`), or the existing VPC to use (`vpc`). `nat_gateways` is one (default) or per-zone."
  type = object({
    cidr         = optional(string)
    zones        = optional(number, 2)
    nat_gateways = optional(string, "one")
    endpoints    = optional(set(string), ["s3"])
    flow_logs    = optional(bool, true)
    vpc = optional(object({
      id              = string
      public_subnets  = list(string)
      private_subnets = list(string)
      data_subnets    = list(string)
    }))
  })
  nullable = false

  validation {
    condition     = (var.network.cidr == null) != (var.network.vpc == null)
    error_message = "Give either network.cidr for a new VPC, or network.vpc for an existing one, not both."
  }
}

variable "access" {
  description = "The address ranges that may connect to Airflow, and its public name with a Route 53 zone or a certificate. Without a name, the load balancer is internal."
  type = object({
    allowed_cidrs = optional(list(string), [])
    domain = optional(object({
      name            = string
      hosted_zone_id  = optional(string)
      certificate_arn = optional(string)
    }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for cidr in var.access.allowed_cidrs : can(cidrhost(cidr, 0))])
    error_message = "access.allowed_cidrs must be IPv4 networks such as 198.51.100.0/24."
  }

  validation {
    condition     = var.access.domain == null || try(var.access.domain.hosted_zone_id, null) != null || try(var.access.domain.certificate_arn, null) != null
    error_message = "access.domain needs hosted_zone_id, to make a certificate, or certificate_arn, to use one."
  }
}

variable "database" {
  description = "The metadata database. `ca_path` is the path of RDS's certificate authorities in the images."
  type = object({
    instance_class      = string
    storage_gb          = number
    multi_az            = bool
    backup_days         = number
    deletion_protection = bool
    ca_path             = optional(string, "/opt/airflow/rds-ca.pem")
  })
  nullable = false
}

variable "broker" {
  description = "The Celery broker."
  type = object({
    node_type = string
    replicas  = number
  })
  nullable = false
}

variable "logs" {
  description = "Days that the logs of services (`retention_days`) and of tasks (`task_retention_days`) are kept."
  type = object({
    retention_days      = number
    task_retention_days = optional(number, 365)
  })
  nullable = false
}

variable "execution_api" {
  description = "The service that serves the execution API: `execution-api`, or `web` if there is no separate service."
  type        = string
  nullable    = false

  validation {
    condition     = contains(keys(var.services), var.execution_api)
    error_message = "execution_api must be one of the services."
  }
}

variable "kernel" {
  description = "Kernel parameters of every container, such as `net.ipv4.tcp_retries2`."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "services" {
  description = <<-EOT
    Every service, by name. `environment`, `secrets` and `endpoints` map the name of an environment variable to a value,
    to the name of a secret, or to the name of an address (web, execution-api, task-logs, connections, controller).
    `exposure`: public, internal or none. `dags`: none, read or write. `grants`: the names of its AWS permissions, each
    with a file `grant_*.tf`. `min`: the minimum number of copies, below which an alarm fires. `scaling`: null if the
    number of copies is fixed, or if the controller sets it. `replica_sets`: if there are several, that number of ECS
    services share the copies, and the controller sets their counts.
  EOT
  type = map(object({
    component      = string
    command        = list(string)
    environment    = optional(map(string), {})
    secrets        = optional(map(string), {})
    endpoints      = optional(map(string), {})
    cpu            = number
    memory         = number
    min            = optional(number, 0)
    ports          = optional(list(number), [])
    log_port       = optional(number)
    health_command = optional(list(string))
    health_path    = optional(string)
    exposure       = optional(string, "none")
    path           = optional(string, "/")
    sticky         = optional(bool, false)
    stop_grace_s   = optional(number, 30)
    spot           = optional(bool, false)
    one_shot       = optional(bool, false)
    replica_sets   = optional(list(string), ["a"])
    dags           = optional(string, "none")
    grants         = optional(list(string), [])
    internet       = optional(bool, false)
    policy_arns    = optional(list(string), [])
    scaling = optional(object({
      min                = number
      max                = number
      target_cpu_percent = number
      schedule           = optional(map(object({ cron = string, min = number, max = number })), {})
    }))
  }))
  nullable = false

  validation {
    condition     = contains(keys(var.services), "web")
    error_message = "services must have `web`, which reads the logs of the others."
  }

  validation {
    condition     = alltrue([for service in values(var.services) : contains(["public", "internal", "none"], service.exposure)])
    error_message = "The exposure of a service must be public, internal or none."
  }

  validation {
    condition     = alltrue([for service in values(var.services) : contains(["none", "read", "write"], service.dags)])
    error_message = "dags of a service must be none, read or write."
  }

  validation {
    condition     = length(setsubtract(flatten([for service in values(var.services) : service.grants]), ["connections", "controller", "protection", "task-logs-read", "task-logs-write"])) == 0
    error_message = "grants of a service must be connections, controller, protection, task-logs-read or task-logs-write."
  }

  validation {
    condition     = alltrue([for service in values(var.services) : service.exposure == "none" || (length(service.ports) > 0 && service.health_path != null)])
    error_message = "A public or internal service needs a port and a health_path."
  }

  validation {
    condition = alltrue(flatten([for service in values(var.services) : [for secret in values(service.secrets) : contains([
      "api-secret", "broker-url", "database-admin", "database-url", "fernet-key", "flower-login", "jwt-secret", "login-password",
    ], secret)]]))
    error_message = "A secret of a service must be api-secret, broker-url, database-admin, database-url, fernet-key, flower-login, jwt-secret or login-password."
  }

  validation {
    condition     = alltrue(flatten([for service in values(var.services) : [for endpoint in values(service.endpoints) : contains(["web", "execution-api", "task-logs", "connections", "controller"], endpoint)]]))
    error_message = "An endpoint of a service must be web, execution-api, task-logs, connections or controller."
  }
}

variable "secret_generations" {
  description = "A number for each generated secret, by name. A higher number replaces the value. Follow the procedure in the guide, because the services that read the secret must be restarted in order."
  type        = map(number)
  default     = {}
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "The ARN of the permissions boundary of every role. Null (default): none."
  type        = string
  default     = null
}

variable "assume_role_arn" {
  description = "The ARN of the role that Terraform assumes first, if the caller is in another account. Null (default): none."
  type        = string
  default     = null
}

variable "alert_emails" {
  description = "The e-mail addresses that get alarms."
  type        = set(string)
  default     = []
  nullable    = false
}
