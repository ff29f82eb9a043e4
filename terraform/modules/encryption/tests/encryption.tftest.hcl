mock_provider "aws" {}

variables {
  name       = "acme-dev"
  account_id = "111122223333"
  region     = "eu-west-1"
}

run "the_key" {
  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "The key must rotate, and be recoverable for the longest time that AWS allows."
  }

  assert {
    condition     = aws_kms_alias.this.name == "alias/acme-dev" && aws_kms_alias.this.target_key_id == aws_kms_key.this.key_id
    error_message = "The key's alias must have the environment's name."
  }

  assert {
    condition     = output.key_arn == aws_kms_key.this.arn && output.key_id == aws_kms_key.this.key_id
    error_message = "The outputs must be the key's."
  }
}

run "who_may_use_it" {
  command = plan

  assert {
    condition     = [for statement in jsondecode(aws_kms_key.this.policy).Statement : statement.Sid] == ["Account", "Logs", "Alarms"]
    error_message = "The key's policy must name no other principal."
  }

  assert {
    condition     = jsondecode(aws_kms_key.this.policy).Statement[0].Principal == { AWS = "arn:aws:iam::111122223333:root" } && jsondecode(aws_kms_key.this.policy).Statement[0].Action == "kms:*"
    error_message = "The account must keep control of the key."
  }

  assert {
    condition     = jsondecode(aws_kms_key.this.policy).Statement[1].Principal == { Service = "logs.eu-west-1.amazonaws.com" }
    error_message = "CloudWatch Logs of this region must be able to use the key."
  }

  assert {
    condition = jsondecode(aws_kms_key.this.policy).Statement[1].Condition == {
      ArnLike = {
        "kms:EncryptionContext:aws:logs:arn" = [
          "arn:aws:logs:eu-west-1:111122223333:log-group:/acme-dev/*",
          "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/*/acme-dev-*",
          "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/*/acme-dev/*",
        ]
      }
    }
    error_message = "CloudWatch Logs may use the key only for log groups of this environment."
  }

  assert {
    condition = (
      jsondecode(aws_kms_key.this.policy).Statement[2].Principal == { Service = "cloudwatch.amazonaws.com" }
      && jsondecode(aws_kms_key.this.policy).Statement[2].Condition == { StringEquals = { "aws:SourceAccount" = "111122223333" } }
      && toset(jsondecode(aws_kms_key.this.policy).Statement[2].Action) == toset(["kms:Decrypt", "kms:GenerateDataKey*"])
    )
    error_message = "Alarms of this account must be able to write to encrypted topics."
  }
}

run "a_shorter_window" {
  command = plan

  variables {
    deletion_window_days = 7
  }

  assert {
    condition     = aws_kms_key.this.deletion_window_in_days == 7
    error_message = "The waiting period must be the given one."
  }
}

run "no_such_window" {
  command = plan

  variables {
    deletion_window_days = 6
  }

  expect_failures = [var.deletion_window_days]
}

run "no_such_account" {
  command = plan

  variables {
    account_id = "12345678901x"
  }

  expect_failures = [var.account_id]
}

run "no_such_name" {
  command = plan

  variables {
    name = "Acme"
  }

  expect_failures = [var.name]
}
