variable "name" {
  description = "The name of the budget."
  type        = string
  nullable    = false
}

variable "monthly_usd" {
  description = "The budget for a month, in US dollars."
  type        = number
  nullable    = false

  validation {
    condition     = var.monthly_usd > 0
    error_message = "monthly_usd must be more than 0."
  }
}

variable "emails" {
  description = "The e-mail addresses that AWS notifies, at most 10. Empty: no notifications."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.emails) <= 10
    error_message = "emails can be at most 10, the limit of AWS Budgets."
  }
}
