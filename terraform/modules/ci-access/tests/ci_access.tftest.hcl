mock_provider "aws" {
  mock_resource "aws_iam_policy" {
    defaults = {
      arn = "arn:aws:iam::111122223333:policy/acme-deploy-state"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::111122223333:role/acme-deploy"
    }
  }

  override_resource {
    target = aws_iam_policy.boundary
    values = { arn = "arn:aws:iam::111122223333:policy/acme-boundary" }
  }
}

variables {
  tenant           = "acme"
  account_id       = "111122223333"
  region           = "eu-west-1"
  principals       = ["arn:aws:iam::444455556666:role/jenkins"]
  state_bucket_arn = "arn:aws:s3:::acme-tf-state-111122223333-eu-west-1"
  state_key_arn    = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
  boundary_arns    = ["arn:aws:iam::111122223333:policy/acme-boundary"]
}

run "who_may_deploy" {
  assert {
    condition     = aws_iam_role.deploy[0].name == "acme-deploy" && output.role_arn == aws_iam_role.deploy[0].arn
    error_message = "There must be one deploy role."
  }

  assert {
    condition = jsondecode(aws_iam_role.deploy[0].assume_role_policy).Statement == [{
      Effect    = "Allow"
      Principal = { AWS = ["arn:aws:iam::444455556666:role/jenkins"] }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
    }]
    error_message = "Only the given principals may assume the role."
  }

  assert {
    condition     = keys(aws_iam_role_policy_attachment.deploy) == keys(aws_iam_policy.deploy) && length(aws_iam_policy.deploy) <= 10
    error_message = "Each policy must be attached; a role has at most ten."
  }
}

run "within_the_limits_of_iam" {
  # AWS does not count white space, which these policies do not have.
  assert {
    condition     = alltrue([for policy in values(aws_iam_policy.deploy) : length(policy.policy) <= 6144]) && length(aws_iam_policy.boundary.policy) <= 6144
    error_message = "AWS accepts at most 6,144 characters in one policy."
  }
}

run "never_everything" {
  assert {
    condition = alltrue(flatten([
      for policy in aws_iam_policy.deploy : [
        for statement in jsondecode(policy.policy).Statement : [for action in statement.Action : can(regex("^[a-z0-9-]+:[A-Za-z*]+$", action))]
      ]
    ]))
    error_message = "Every action must name its service."
  }

  assert {
    condition = alltrue(flatten([
      for policy in aws_iam_policy.deploy : [
        for statement in jsondecode(policy.policy).Statement : [for action in statement.Action : !endswith(action, ":*")] if contains(statement.Resource, "*")
      ]
    ]))
    error_message = "A statement for all resources must list its actions."
  }

  assert {
    condition = alltrue(flatten([
      for policy in aws_iam_policy.deploy : [
        for statement in jsondecode(policy.policy).Statement : [
          for action in statement.Action : can(regex("^(.*:(Describe|List|Get)[A-Za-z*]*|tag:GetResources)$", action)) || can(statement.Condition.StringEquals["aws:RequestedRegion"])
        ] if contains(statement.Resource, "*")
      ]
    ]))
    error_message = "A statement for all resources must only read, or must be limited to one region."
  }
}

run "a_pipeline_cannot_make_itself_an_administrator" {
  assert {
    condition = [
      for statement in jsondecode(aws_iam_policy.deploy["identity"].policy).Statement : statement.Condition.StringEquals["iam:PermissionsBoundary"]
      if contains(statement.Action, "iam:CreateRole")
    ] == [["arn:aws:iam::111122223333:policy/acme-boundary"]]
    error_message = "A role may be created only with the boundary."
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_iam_policy.deploy["identity"].policy).Statement : [
        for action in ["iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy"] :
        can(statement.Condition.StringEquals["iam:PermissionsBoundary"]) if contains(statement.Action, action)
      ]
    ]))
    error_message = "A role may get more permissions only with the boundary."
  }

  assert {
    condition = length(setintersection(
      flatten([for policy in aws_iam_policy.deploy : [for statement in jsondecode(policy.policy).Statement : statement.Action]]),
      [
        "iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary",
        "iam:CreateUser", "iam:CreateAccessKey", "iam:*", "sts:AssumeRole",
      ],
    )) == 0
    error_message = "No statement may allow changes of the boundary, or another way to get permissions."
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_iam_policy.deploy["identity"].policy).Statement : [
        for resource in statement.Resource : can(regex("^arn:aws:iam::111122223333:role/(acme-\\*/\\*|aws-service-role/\\*)$", resource))
      ] if length([for action in statement.Action : action if can(regex("^iam:(?:Attach|Create|Delete|Detach|Pass|Put|Tag|Untag|Update)", action))]) > 0
    ]))
    error_message = "Only roles of environments may be changed, never the deploy role."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_policy.deploy["identity"].policy).Statement : length(statement.Condition.StringEquals["iam:PassedToService"]) if contains(statement.Action, "iam:PassRole")] == [3]
    error_message = "A role may be passed only to the services that need one."
  }
}

run "workers_are_the_controllers" {
  assert {
    condition = [
      for statement in jsondecode(aws_iam_policy.deploy["services"].policy).Statement :
      [statement.Effect, statement.Resource, statement.Condition.Null] if contains(statement.Action, "ecs:UpdateService")
    ] == [["Deny", ["arn:aws:ecs:eu-west-1:111122223333:service/acme-*/worker*"], { "ecs:task-definition" = "false" }]]
    error_message = "A pipeline must be able to register revisions of workers, and not to start them."
  }
}

run "states_stay" {
  assert {
    condition = { for statement in jsondecode(aws_iam_policy.deploy["state"].policy).Statement : statement.Sid => jsonencode([statement.Action, statement.Resource]) } == {
      States = jsonencode([["s3:GetObject", "s3:PutObject"], ["${var.state_bucket_arn}/*"]])
      Locks = jsonencode([["s3:DeleteObject"], [
        "${var.state_bucket_arn}/*.tflock",
        "${var.state_bucket_arn}/releases/environments/*/lock.json",
        "${var.state_bucket_arn}/releases/environments/*/deployment.json",
      ]])
      DagReleases        = jsonencode([["s3:GetObject", "s3:PutObject"], ["arn:aws:s3:::acme-*/controller/inbox.json", "arn:aws:s3:::acme-*/dags/*"]])
      ControllersAnswers = jsonencode([["s3:GetObject"], ["arn:aws:s3:::acme-*/controller/answers/*", "arn:aws:s3:::acme-*/controller/leader.json", "arn:aws:s3:::acme-*/controller/workers.json"]])
      StateBucket        = jsonencode([["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketVersions"], [var.state_bucket_arn]])
      Published          = jsonencode([["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObjectTagging"], ["${var.state_bucket_arn}/published/*"]])
      StateBucketStays = jsonencode([
        ["s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:PutBucket*", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration"],
        [var.state_bucket_arn],
      ])
      StateKey = jsonencode([["kms:Decrypt", "kms:GenerateDataKey"], [var.state_key_arn]])
    }
    error_message = "A pipeline must be able to write states, and to delete locks, deployment records and published objects, and nothing else."
  }

  assert {
    condition = flatten([
      for policy in aws_iam_policy.deploy : [for statement in jsondecode(policy.policy).Statement : statement.Sid if statement.Effect == "Deny"]
    ]) == ["WorkersAreTheControllers", "StateBucketStays"]
    error_message = "Statements for other buckets and services must not cover the state bucket and the revisions of workers."
  }
}

run "secrets_stay_secret" {
  assert {
    condition = flatten([
      for policy in aws_iam_policy.deploy : [
        for statement in jsondecode(policy.policy).Statement : statement.Resource if contains(statement.Action, "secretsmanager:GetSecretValue")
      ]
    ]) == ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:acme-*/broker-token-*"]
    error_message = "A pipeline may read one secret value, the broker's token."
  }
}

run "log_groups_of_every_kind" {
  assert {
    condition = flatten([for statement in jsondecode(aws_iam_policy.deploy["services"].policy).Statement : statement.Resource if statement.Sid == "Logs"]) == [
      for group in ["/acme-*", "/aws/rds/instance/acme-*", "/aws/vendedlogs/acme-*"] : "arn:aws:logs:eu-west-1:111122223333:log-group:${group}"
    ]
    error_message = "The role must cover the log groups of services, of the database and of the broker, and no others."
  }
}

run "the_boundary" {
  assert {
    condition = { for statement in jsondecode(aws_iam_policy.boundary.policy).Statement : statement.Sid => jsonencode([statement.Effect, statement.Resource]) } == {
      Work    = jsonencode(["Allow", "*"])
      NoPower = jsonencode(["Deny", "*"])
      NoState = jsonencode(["Deny", [var.state_bucket_arn, "${var.state_bucket_arn}/*"]])
    }
    error_message = "The boundary must deny IAM and the states."
  }

  assert {
    condition = length(setsubtract(
      ["account:*", "iam:*", "organizations:*", "cloudtrail:StopLogging", "cloudtrail:DeleteTrail"],
      flatten([for statement in jsondecode(aws_iam_policy.boundary.policy).Statement : statement.Action if statement.Sid == "NoPower"]),
    )) == 0
    error_message = "No role of Tradewind may change permissions, or stop CloudTrail."
  }

  assert {
    condition     = aws_iam_policy.boundary.name == "acme-boundary" && output.boundary_arn == "arn:aws:iam::111122223333:policy/acme-boundary"
    error_message = "The boundary must have the name that environments expect."
  }
}

run "nobody_deploys" {
  variables {
    principals = []
  }

  assert {
    condition     = length(aws_iam_role.deploy) == 0 && length(aws_iam_policy.deploy) == 0 && length(aws_iam_role_policy_attachment.deploy) == 0 && output.role_arn == null
    error_message = "Without principals there must be no deploy role."
  }

  assert {
    condition     = aws_iam_policy.boundary.name == "acme-boundary"
    error_message = "There must be a boundary even without principals."
  }
}

run "a_whole_account" {
  command = plan

  variables {
    principals = ["arn:aws:iam::444455556666:root"]
  }

  expect_failures = [var.principals]
}

run "everybody" {
  command = plan

  variables {
    principals = ["*"]
  }

  expect_failures = [var.principals]
}

run "no_boundary" {
  command = plan

  variables {
    boundary_arns = []
  }

  expect_failures = [var.boundary_arns]
}
