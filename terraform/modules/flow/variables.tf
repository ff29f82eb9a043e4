variable "from" {
  description = "The id of the security group that opens connections."
  type        = string
  nullable    = false
}

variable "to" {
  description = "The id of the security group that accepts connections."
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
  description = "The purpose of the connection, such as `queries`."
  type        = string
  nullable    = false

  # AWS: the characters that the description of a rule may have.
  validation {
    condition     = can(regex("^[a-zA-Z0-9. _:/()#,@+=;{}!$*-]{1,250}$", var.description))
    error_message = "description must be 1 to 250 letters, digits, spaces and . _ - : / ( ) # , @ + = ; { } ! $ *"
  }
}
