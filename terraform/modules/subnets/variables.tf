variable "cidr" {
  description = "The IPv4 range to divide, between a /16 and a /22."
  type        = string
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(cidrsubnet(var.cidr, 0, 0) == var.cidr, false)
    error_message = "cidr must be an IPv4 range that starts at its own first address, such as 10.20.0.0/16."
  }

  # AWS allows a /16 at most. Below a /22 the public subnets would be smaller than the /27 that a load balancer needs.
  validation {
    condition     = try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 22, false)
    error_message = "cidr must be between a /16 and a /22."
  }
}

variable "zones" {
  description = "The number of availability zones, 2 to 6."
  type        = number
  nullable    = false

  validation {
    condition     = contains([2, 3, 4, 5, 6], var.zones)
    error_message = "zones must be 2, 3, 4, 5 or 6."
  }
}
