variable "names" {
  description = "The wanted names, by a key that the caller chooses, each with the maximum number of characters that AWS allows."
  type        = map(object({ value = string, limit = number }))
  nullable    = false

  validation {
    condition = alltrue([for name in values(var.names) : can(regex("^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$", name.value))])
    error_message = format(
      "A name must be letters and digits, with single dashes between them. Not so: %s.",
      join(", ", [for name in values(var.names) : "\"${name.value}\"" if !can(regex("^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$", name.value))]),
    )
  }

  # Seven characters are the dash and the digits of the hash; at least one is left for the name.
  validation {
    condition     = alltrue([for name in values(var.names) : name.limit >= 8 && floor(name.limit) == name.limit])
    error_message = "A limit must be a whole number of at least 8 characters."
  }
}
