variable "name" {
  description = "The prefix of every name: <tenant>-<environment>."
  type        = string
  nullable    = false
}

variable "purpose" {
  description = "The purpose of the load balancer, such as `public`. It is a part of its name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*$", var.purpose))
    error_message = "purpose must be lower-case letters, digits and dashes, starting with a letter."
  }
}

variable "vpc_id" {
  description = "The id of the VPC."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "The ids of its subnets, in two or more zones: public subnets unless `internal` is true."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids must be at least two, each in a zone of its own."
  }
}

variable "internal" {
  description = "If true, the load balancer has private addresses only."
  type        = bool
  nullable    = false

  validation {
    condition     = var.internal || var.secure
    error_message = "A load balancer on the internet must be secure: passwords would cross it in clear text. Give a certificate, or set internal."
  }
}

variable "secure" {
  description = "If true, it serves HTTPS on 443 with `certificate_arn`; otherwise plain HTTP on 80. Separate from the ARN, because it must be known before the certificate exists."
  type        = bool
  nullable    = false
}

variable "certificate_arn" {
  description = "The ARN of the ACM certificate. Null (default): none, which requires secure to be false."
  type        = string
  default     = null

  validation {
    condition     = var.secure == (var.certificate_arn != null)
    error_message = "certificate_arn must be given if secure is true, and only then."
  }
}

variable "redirect_http" {
  description = "If true, port 80 redirects to HTTPS. Default: false."
  type        = bool
  default     = false
  nullable    = false
}

variable "access_log_bucket" {
  description = "The name of the bucket for access logs."
  type        = string
  nullable    = false
}

variable "denied_paths" {
  description = "Path patterns that get 404 before any route is evaluated. At most five, the limit of AWS for one rule."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.denied_paths) <= 5
    error_message = "denied_paths can be at most five, the limit of one listener rule."
  }
}

variable "routes" {
  description = "The routes by name: port and health path of the targets, path patterns, priority (lowest first, from 2), and sticky: if true, a browser stays with one target."
  type = map(object({
    port        = number
    health_path = string
    paths       = list(string)
    priority    = number
    sticky      = optional(bool, false)
  }))
  nullable = false

  validation {
    condition     = alltrue([for route in values(var.routes) : route.priority >= 2 && route.priority <= 50000])
    error_message = "The priority of a route must be 2 to 50000; the rule that denies has 1."
  }

  validation {
    condition     = length(distinct([for route in values(var.routes) : route.priority])) == length(var.routes)
    error_message = "The priorities of routes must differ."
  }

  validation {
    condition     = alltrue([for route in values(var.routes) : length(route.paths) >= 1 && length(route.paths) <= 5])
    error_message = "A route must have one to five paths, the limit of one listener rule."
  }
}

variable "deletion_protection" {
  description = "If true, AWS refuses to delete the load balancer. Default: false."
  type        = bool
  default     = false
  nullable    = false
}

variable "idle_timeout_s" {
  description = "Seconds without traffic after which the load balancer closes a connection."
  type        = number
  default     = 60
  nullable    = false
}
