variable "name" {
  description = "The prefix of every name: <tenant>-<environment>."
  type        = string
  nullable    = false
}

variable "purpose" {
  description = "Which load balancer of the environment this is, such as `public`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*$", var.purpose))
    error_message = "purpose must be lower-case letters, digits and dashes, starting with a letter."
  }
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "Its subnets, in two or more zones: public ones unless `internal`."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids must be at least two, each in a zone of its own."
  }
}

variable "internal" {
  description = "Whether it has private addresses only."
  type        = bool
  nullable    = false

  validation {
    condition     = var.internal || var.secure
    error_message = "A load balancer on the internet must be secure: passwords would travel in clear. Give a certificate, or set internal."
  }
}

variable "secure" {
  description = "Whether it speaks HTTPS on 443, with `certificate_arn`, rather than plain HTTP on 80. Apart from the ARN so that it is known before the certificate is made."
  type        = bool
  nullable    = false
}

variable "certificate_arn" {
  description = "The ARN of the ACM certificate, where it is secure."
  type        = string
  default     = null

  validation {
    condition     = var.secure == (var.certificate_arn != null)
    error_message = "certificate_arn must be given where secure is true, and only there."
  }
}

variable "redirect_http" {
  description = "Whether port 80 answers with a redirect to HTTPS."
  type        = bool
  default     = false
  nullable    = false
}

variable "access_log_bucket" {
  description = "The bucket for access logs."
  type        = string
  nullable    = false
}

variable "denied_paths" {
  description = "Path patterns that are answered with 404 before any route is looked at. AWS takes at most five in one rule."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.denied_paths) <= 5
    error_message = "denied_paths can be at most five, all that one rule of a listener takes."
  }
}

variable "routes" {
  description = "Where requests go, by name: the port and the health path of the targets, the path patterns, the order (lowest first, from 2), and whether a browser stays with one target."
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
    error_message = "The priority of a route must be 2 to 50000; 1 denies."
  }

  validation {
    condition     = length(distinct([for route in values(var.routes) : route.priority])) == length(var.routes)
    error_message = "Two routes cannot have one priority."
  }

  validation {
    condition     = alltrue([for route in values(var.routes) : length(route.paths) >= 1 && length(route.paths) <= 5])
    error_message = "A route must have one to five paths, all that one rule of a listener takes."
  }
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete it."
  type        = bool
  default     = false
  nullable    = false
}

variable "idle_timeout_s" {
  description = "After how many silent seconds a connection is closed."
  type        = number
  default     = 60
  nullable    = false
}
