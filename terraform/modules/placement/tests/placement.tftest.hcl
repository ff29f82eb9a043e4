run "the_network_that_was_made" {
  variables {
    made = {
      vpc_id             = "vpc-made"
      public_subnet_ids  = ["subnet-made-public"]
      private_subnet_ids = ["subnet-made-private"]
      data_subnet_ids    = ["subnet-made-data"]
    }
  }

  assert {
    condition = (
      output.vpc_id == "vpc-made"
      && output.public_subnet_ids == tolist(["subnet-made-public"])
      && output.private_subnet_ids == tolist(["subnet-made-private"])
      && output.data_subnet_ids == tolist(["subnet-made-data"])
    )
    error_message = "Each tier must be that of the new network."
  }
}

run "the_vpc_that_was_there" {
  variables {
    existing = {
      id              = "vpc-there"
      public_subnets  = ["subnet-there-public"]
      private_subnets = ["subnet-there-private"]
      data_subnets    = ["subnet-there-data"]
    }
  }

  assert {
    condition = (
      output.vpc_id == "vpc-there"
      && output.public_subnet_ids == tolist(["subnet-there-public"])
      && output.private_subnet_ids == tolist(["subnet-there-private"])
      && output.data_subnet_ids == tolist(["subnet-there-data"])
    )
    error_message = "Each tier must be that of the existing VPC."
  }
}

run "both" {
  command = plan

  variables {
    made = {
      vpc_id             = "vpc-made"
      public_subnet_ids  = []
      private_subnet_ids = []
      data_subnet_ids    = []
    }
    existing = {
      id              = "vpc-there"
      public_subnets  = []
      private_subnets = []
      data_subnets    = []
    }
  }

  expect_failures = [var.existing]
}

run "neither" {
  command = plan

  expect_failures = [var.existing]
}
