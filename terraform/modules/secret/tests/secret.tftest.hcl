# Terraform cannot mock ephemeral resources. So this uses the real provider without any call to AWS: both resources are
# overridden, and the value is given. tests/terraform/test_secrets_absent.py checks generated values.
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "nobody"
  secret_key                  = "nothing"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_resource {
  target = aws_secretsmanager_secret.this
  values = {
    id  = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:acme-dev/jwt-secret-AbCdEf"
    arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:acme-dev/jwt-secret-AbCdEf"
  }
}

override_resource {
  target = aws_secretsmanager_secret_version.this
}

variables {
  name        = "acme-dev"
  secret      = "jwt-secret"
  description = "Signs the tokens of tasks and users"
  generate    = null
  value       = "0123456789abcdefghij"
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
}

run "encrypted_and_hard_to_lose" {
  assert {
    condition = (
      aws_secretsmanager_secret.this.name == "acme-dev/jwt-secret"
      && aws_secretsmanager_secret.this.kms_key_id == var.kms_key_arn
      && aws_secretsmanager_secret.this.recovery_window_in_days == 7
      && output.arn == aws_secretsmanager_secret.this.arn
    )
    error_message = "The secret's name must begin with the environment's name. It must be encrypted with the given key, and recoverable for a week."
  }
}

run "no_value_in_the_state" {
  assert {
    condition = (
      aws_secretsmanager_secret_version.this.secret_string == null
      && aws_secretsmanager_secret_version.this.secret_string_wo == null
      && aws_secretsmanager_secret_version.this.secret_binary == null
      && aws_secretsmanager_secret_version.this.secret_id == aws_secretsmanager_secret.this.id
    )
    error_message = "The value must be write-only."
  }
}

run "a_value_for_each_generation" {
  assert {
    condition     = aws_secretsmanager_secret_version.this.secret_string_wo_version == 123273193
    error_message = "A second apply, or a newer release of this module, must not change the value."
  }
}

run "another_generation" {
  variables {
    generation = 2
  }

  assert {
    condition     = aws_secretsmanager_secret_version.this.secret_string_wo_version == 211620412
    error_message = "Another generation must replace the value."
  }
}

run "deleted_at_once" {
  command = plan

  variables {
    recovery_window_days = 0
  }

  assert {
    condition     = aws_secretsmanager_secret.this.recovery_window_in_days == 0
    error_message = "It must be possible to delete the secret at once."
  }
}

run "name_in_capitals" {
  command = plan

  variables {
    secret = "JWT"
  }

  expect_failures = [var.secret]
}

run "unknown_encoding" {
  command = plan

  variables {
    generate = { encoding = "hex" }
  }

  expect_failures = [var.generate]
}

run "fernet_key_of_40_characters" {
  command = plan

  variables {
    generate = { encoding = "fernet" }
  }

  expect_failures = [var.generate]
}

run "short_enough_to_guess" {
  command = plan

  variables {
    generate = { length = 19 }
  }

  expect_failures = [var.generate]
}

run "format_without_a_place_for_the_value" {
  command = plan

  variables {
    generate = { format = "mysql://airflow@db.example.com" }
  }

  expect_failures = [var.generate]
}

run "format_with_two_places" {
  command = plan

  variables {
    generate = { format = "%s:%s" }
  }

  expect_failures = [var.generate]
}

run "neither_value_nor_rule" {
  command = plan

  variables {
    value = null
  }

  expect_failures = [var.value]
}

run "recovery_that_secrets_manager_does_not_offer" {
  command = plan

  variables {
    recovery_window_days = 6
  }

  expect_failures = [var.recovery_window_days]
}
