variable "from" {
  description = "The security group that may connect."
  type        = string
  nullable    = false
}

variable "to" {
  description = "The security group that is connected to."
  type        = string
  nullable    = false
}

variable "port" {
  description = "The TCP port."
  type        = number
  nullable    = false

  validation {
    condition     = var.port >= 1 && var.port <= 65535
    error_message = "port must be 1 to 65535."
  }
}

variable "description" {
  description = "What the connection is for, such as `queries`."
  type        = string
  nullable    = false

  # AWS: the characters that the description of a rule may have.
  validation {
    condition     = can(regex("^[a-zA-Z0-9. _:/()#,@+=;{}!$*-]{1,250}$", var.description))
    error_message = "description must be 1 to 250 letters, digits, spaces and . _ - : / ( ) # , @ + = ; { } ! $ *"
  }
}
