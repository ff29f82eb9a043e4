mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = {
      names = ["eu-west-1a", "eu-west-1b"]
    }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = {
      arn = "arn:aws:logs:eu-west-1:111122223333:log-group:/acme-dev/flow-logs"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::111122223333:role/acme-dev/acme-dev-flow-logs"
    }
  }
}

variables {
  name        = "acme-dev"
  region      = "eu-west-1"
  account_id  = "111122223333"
  cidr        = "10.20.0.0/16"
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
}

run "s3_alone" {
  assert {
    condition = (
      aws_vpc_endpoint.s3[0].service_name == "com.amazonaws.eu-west-1.s3"
      && aws_vpc_endpoint.s3[0].vpc_endpoint_type == "Gateway"
      && aws_vpc_endpoint.s3[0].route_table_ids == toset([for table in aws_route_table.private : table.id])
    )
    error_message = "S3's gateway endpoint must be in the private tier's route tables and in no other."
  }

  assert {
    condition     = length(aws_vpc_endpoint.interface) == 0 && output.endpoints_security_group_id == null
    error_message = "Without interface endpoints there must be no security group for them."
  }

  assert {
    condition     = output.s3_prefix_list_id == aws_vpc_endpoint.s3[0].prefix_list_id
    error_message = "The prefix list must be S3's."
  }

  assert {
    condition = jsondecode(aws_vpc_endpoint.s3[0].policy).Statement[0].Condition.StringEquals == {
      "aws:PrincipalAccount" = "111122223333"
      "aws:ResourceAccount"  = ["111122223333"]
    }
    error_message = "S3's endpoint must accept only this account's identities, and only this account's buckets."
  }

  assert {
    condition = (
      length(jsondecode(aws_vpc_endpoint.s3[0].policy).Statement) == 2
      && jsondecode(aws_vpc_endpoint.s3[0].policy).Statement[1].Action == "s3:GetObject"
      && jsondecode(aws_vpc_endpoint.s3[0].policy).Statement[1].Resource == "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*"
    )
    error_message = "The only other allowed request is to read image layers of ECR."
  }
}

run "all_endpoints" {
  variables {
    endpoints   = ["s3", "ecr", "logs", "secretsmanager", "ssm", "ecs"]
    s3_accounts = ["444455556666"]
  }

  assert {
    condition = [for endpoint in aws_vpc_endpoint.interface : endpoint.service_name] == [
      for service in ["ecr.api", "ecr.dkr", "ecs", "logs", "secretsmanager", "ssm", "ssmmessages"] : "com.amazonaws.eu-west-1.${service}"
    ]
    error_message = "Each name must give the services that it needs."
  }

  assert {
    condition = alltrue([
      for endpoint in aws_vpc_endpoint.interface :
      endpoint.vpc_endpoint_type == "Interface"
      && endpoint.private_dns_enabled
      && endpoint.subnet_ids == toset([for subnet in aws_subnet.private : subnet.id])
      && endpoint.security_group_ids == toset([aws_security_group.endpoints[0].id])
    ])
    error_message = "Interface endpoints must be in every private subnet, with AWS's own private names, and have their security group."
  }

  assert {
    condition     = output.endpoints_security_group_id == aws_security_group.endpoints[0].id && length(aws_security_group.endpoints[0].ingress) == 0 && length(aws_security_group.endpoints[0].egress) == 0
    error_message = "The output must be the security group, which has no rules of its own."
  }

  assert {
    condition = alltrue([
      for service in ["ecr.api", "ecr.dkr", "ecs", "logs", "secretsmanager", "ssm", "ssmmessages"] :
      alltrue([
        for statement in jsondecode(aws_vpc_endpoint.interface[service].policy).Statement :
        statement.Effect == "Allow" && statement.Condition == { StringEquals = { "aws:PrincipalAccount" = "111122223333" } }
      ])
    ])
    error_message = "Interface endpoints must accept only this account's identities."
  }

  assert {
    condition     = toset(jsondecode(aws_vpc_endpoint.s3[0].policy).Statement[0].Condition.StringEquals["aws:ResourceAccount"]) == toset(["111122223333", "444455556666"])
    error_message = "Buckets of the named accounts must be reachable, besides those of this account."
  }
}

run "none" {
  variables {
    endpoints = []
  }

  assert {
    condition     = length(aws_vpc_endpoint.s3) == 0 && length(aws_vpc_endpoint.interface) == 0 && output.s3_prefix_list_id == null && output.endpoints_security_group_id == null
    error_message = "Without endpoints, the outputs must be null."
  }
}

run "no_such_endpoint" {
  command = plan

  variables {
    endpoints = ["s3", "sqs"]
  }

  expect_failures = [var.endpoints]
}

run "no_such_account_of_buckets" {
  command = plan

  variables {
    s3_accounts = ["somebody"]
  }

  expect_failures = [var.s3_accounts]
}

run "flow_logs" {
  variables {
    log_retention_days       = 90
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
  }

  assert {
    condition     = aws_flow_log.this[0].vpc_id == aws_vpc.this.id && aws_flow_log.this[0].traffic_type == "ALL"
    error_message = "Every connection of this VPC must be recorded, accepted or refused."
  }

  assert {
    condition     = aws_flow_log.this[0].log_destination == aws_cloudwatch_log_group.flow_logs[0].arn && aws_flow_log.this[0].iam_role_arn == aws_iam_role.flow_logs[0].arn
    error_message = "Flow logs must go to their own log group with their own role."
  }

  assert {
    condition     = aws_cloudwatch_log_group.flow_logs[0].kms_key_id == var.kms_key_arn && aws_cloudwatch_log_group.flow_logs[0].retention_in_days == 90
    error_message = "Flow logs must be encrypted with the given key and kept for the given time."
  }

  assert {
    condition     = aws_cloudwatch_log_group.flow_logs[0].name == "/acme-dev/flow-logs"
    error_message = "The key's policy lets CloudWatch use it only for log groups below the environment's name."
  }

  assert {
    condition = (
      jsondecode(aws_iam_role.flow_logs[0].assume_role_policy).Statement[0].Principal.Service == "vpc-flow-logs.amazonaws.com"
      && jsondecode(aws_iam_role.flow_logs[0].assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "111122223333"
      && aws_iam_role.flow_logs[0].permissions_boundary == var.permissions_boundary_arn
    )
    error_message = "Only flow logs of this account may assume the role, and the role must have the boundary."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.flow_logs[0].policy).Statement :
      startswith(statement.Resource, "arn:aws:logs:eu-west-1:111122223333:log-group:/acme-dev/flow-logs:") || statement.Action == "logs:DescribeLogGroups"
    ])
    error_message = "The role must write to its own log group and to no other."
  }
}

run "without_flow_logs" {
  variables {
    flow_logs = false
  }

  assert {
    condition     = length(aws_flow_log.this) + length(aws_iam_role.flow_logs) + length(aws_cloudwatch_log_group.flow_logs) + length(aws_iam_role_policy.flow_logs) == 0
    error_message = "Without flow logs there must be neither a log group nor a role."
  }
}

run "a_retention_that_cloudwatch_does_not_offer" {
  command = plan

  variables {
    log_retention_days = 31
  }

  expect_failures = [var.log_retention_days]
}
