variable "made" {
  description = "The outputs of the network module. Null where a VPC exists."
  type = object({
    vpc_id             = string
    public_subnet_ids  = list(string)
    private_subnet_ids = list(string)
    data_subnet_ids    = list(string)
  })
  default = null
}

variable "existing" {
  description = "A VPC that exists, with its subnets. Null where one is made."
  type = object({
    id              = string
    public_subnets  = list(string)
    private_subnets = list(string)
    data_subnets    = list(string)
  })
  default = null

  validation {
    condition     = (var.existing == null) != (var.made == null)
    error_message = "Give the network that was made or the VPC that exists: one of them, and not both."
  }
}
