variable "name" {
  description = "The name of the budget."
  type        = string
  nullable    = false
}

variable "monthly_usd" {
  description = "What a month may cost, in US dollars."
  type        = number
  nullable    = false

  validation {
    condition     = var.monthly_usd > 0
    error_message = "monthly_usd must be more than 0."
  }
}

variable "emails" {
  description = "Who is told, at most 10."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.emails) <= 10
    error_message = "emails can be at most 10, all that AWS Budgets takes."
  }
}
