variable "made" {
  description = "The outputs of the network module. Null (default): the environment uses an existing VPC."
  type = object({
    vpc_id             = string
    public_subnet_ids  = list(string)
    private_subnet_ids = list(string)
    data_subnet_ids    = list(string)
  })
  default = null
}

variable "existing" {
  description = "An existing VPC and its subnets. Null (default): the stack creates the network."
  type = object({
    id              = string
    public_subnets  = list(string)
    private_subnets = list(string)
    data_subnets    = list(string)
  })
  default = null

  validation {
    condition     = (var.existing == null) != (var.made == null)
    error_message = "Give either made (the new network) or existing (an existing VPC), not both."
  }
}
