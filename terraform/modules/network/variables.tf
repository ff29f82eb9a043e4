variable "name" {
  description = "The prefix of every name: <tenant>-<environment>."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) <= 41
    error_message = "name must be at most 41 lower-case letters and digits with single dashes between them, starting with a letter."
  }
}

variable "region" {
  description = "The AWS region."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "The 12 digits of the AWS account. Endpoints accept only its identities."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the 12 digits of an AWS account."
  }
}

# modules/subnets checks the range and the zones, modules/acls the ports.

variable "cidr" {
  description = "The IPv4 range of the VPC, between a /16 and a /22. A change replaces the whole network."
  type        = string
  nullable    = false
}

variable "zones" {
  description = "The number of availability zones, 2 to 6. You can raise it later; no subnet moves."
  type        = number
  default     = 2
  nullable    = false
}

variable "zone_names" {
  description = "The names of the availability zones in order, such as eu-west-1a. Empty (default): the first zones of the region. Some older zones lack Fargate or newer instance classes: name other zones then. Existing subnets stay in their zones."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.zone_names) == 0 || length(distinct(var.zone_names)) >= var.zones
    error_message = "zone_names must be empty, or name at least as many different zones as there are `zones`."
  }
}

variable "nat_gateways" {
  description = "one (default): a single, cheaper NAT gateway for all zones. per-zone: a gateway in each zone, so that the failure of a zone affects only its own route to the internet."
  type        = string
  default     = "one"
  nullable    = false

  validation {
    condition     = contains(["one", "per-zone"], var.nat_gateways)
    error_message = "nat_gateways must be one or per-zone."
  }
}

variable "endpoints" {
  description = "The AWS services that the private tier reaches without the internet: s3 (default, free), ecr, logs, secretsmanager, ssm, ecs. ECS Exec needs ssm."
  type        = set(string)
  default     = ["s3"]
  nullable    = false

  validation {
    condition     = length(setsubtract(var.endpoints, ["s3", "ecr", "logs", "secretsmanager", "ssm", "ecs"])) == 0
    error_message = "endpoints may contain s3, ecr, logs, secretsmanager, ssm and ecs."
  }
}

variable "s3_accounts" {
  description = "Other AWS accounts whose buckets the S3 endpoint accepts, such as an account that shares data. It always accepts the buckets of this account."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for account in var.s3_accounts : can(regex("^[0-9]{12}$", account))])
    error_message = "s3_accounts must be AWS accounts of 12 digits."
  }
}

variable "flow_logs" {
  description = "If true (default), CloudWatch Logs records every connection, accepted or refused."
  type        = bool
  default     = true
  nullable    = false
}

variable "log_retention_days" {
  description = "Days that flow logs are kept: one of the numbers that CloudWatch accepts."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.log_retention_days,
    )
    error_message = "log_retention_days must be 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "kms_key_arn" {
  description = "The ARN of the KMS key that encrypts flow logs."
  type        = string
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "The ARN of the permissions boundary of the flow logs' role. Null (default): none."
  type        = string
  default     = null
}

variable "data_ports" {
  description = "The ports of the data tier, by name of the server, at most 10. The tier's network ACL accepts only these ports."
  type        = map(number)
  default     = { mysql = 3306, redis = 6379, nfs = 2049 }
  nullable    = false
}

variable "target_ports" {
  description = "The container ports to which load balancers in the public tier forward, 1024 or above, at most 10."
  type        = set(number)
  default     = [8080, 5555]
  nullable    = false
}

variable "egress_ports" {
  description = "The ports on the internet that the private tier may reach, at most 10. Must contain 443, which AWS's own services need."
  type        = set(number)
  default     = [443]
  nullable    = false
}
