variable "domain_names" {
  description = "The names that the certificate is for, the main one first."
  type        = list(string)
  nullable    = false

  validation {
    condition     = try(length(var.domain_names[0]) <= 64, false)
    error_message = "domain_names must have at least one name, and the first one at most 64 characters."
  }
}

variable "hosted_zone_id" {
  description = "The public Route 53 zone of the names, in which ACM looks for its proof."
  type        = string
  nullable    = false
}
