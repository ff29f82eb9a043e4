variable "domain_names" {
  description = "The names of the certificate, the main one first."
  type        = list(string)
  nullable    = false

  validation {
    condition     = try(length(var.domain_names[0]) <= 64, false)
    error_message = "domain_names must have at least one name, and the first one at most 64 characters."
  }
}

variable "hosted_zone_id" {
  description = "The id of the public Route 53 zone of the names, in which ACM checks the validation records."
  type        = string
  nullable    = false
}
