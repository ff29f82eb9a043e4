variable "ranges" {
  description = "The IPv4 range of each tier."
  type        = object({ public = string, private = string, data = string })
  nullable    = false

  validation {
    condition     = alltrue([for range in values(var.ranges) : can(cidrnetmask(range))])
    error_message = "ranges must be IPv4 ranges such as 10.20.0.0/18."
  }
}

variable "data_ports" {
  description = "The ports of the data tier, by name of the server. The data tier accepts only these ports."
  type        = map(number)
  nullable    = false

  validation {
    condition = (
      length(var.data_ports) >= 1 && length(var.data_ports) <= 10
      && alltrue([for port in values(var.data_ports) : port >= 1 && port <= 65535])
      && length(distinct([for port in values(var.data_ports) : port % 10000])) == length(var.data_ports)
    )
    error_message = "data_ports must be 1 to 10 ports between 1 and 65535 whose last four digits differ."
  }
}

variable "target_ports" {
  description = "The container ports to which load balancers in the public tier forward."
  type        = set(number)
  nullable    = false

  # Containers do not run as root, so they cannot listen below 1024; the public tier's rules depend on that.
  validation {
    condition = (
      length(var.target_ports) <= 10
      && alltrue([for port in var.target_ports : port >= 1024 && port <= 65535])
      && length(distinct([for port in var.target_ports : port % 10000])) == length(var.target_ports)
    )
    error_message = "target_ports must be at most 10 ports between 1024 and 65535 whose last four digits differ."
  }
}

variable "egress_ports" {
  description = "The ports on the internet that the private tier may reach. Must contain 443, which AWS's own services need."
  type        = set(number)
  nullable    = false

  validation {
    condition = (
      contains(var.egress_ports, 443) && length(var.egress_ports) <= 10
      && alltrue([for port in var.egress_ports : port >= 1 && port <= 65535])
      && length(distinct([for port in var.egress_ports : port % 10000])) == length(var.egress_ports)
    )
    error_message = "egress_ports must contain 443 and at most 9 others between 1 and 65535, whose last four digits differ."
  }
}
