mock_provider "aws" {}

variables {
  name        = "acme-nonprod"
  monthly_usd = 1500
  emails      = ["platform@example.com"]
}

run "a_month_of_cost" {
  assert {
    condition = (
      aws_budgets_budget.this.budget_type == "COST"
      && aws_budgets_budget.this.time_unit == "MONTHLY"
      && aws_budgets_budget.this.limit_amount == "1500"
      && aws_budgets_budget.this.limit_unit == "USD"
      && output.name == "acme-nonprod"
    )
    error_message = "The budget must be the given cost of a month, in US dollars."
  }

  assert {
    condition = toset([for notification in aws_budgets_budget.this.notification : "${notification.notification_type} ${notification.comparison_operator} ${notification.threshold} ${notification.threshold_type}"]) == toset([
      "ACTUAL GREATER_THAN 50 PERCENTAGE",
      "ACTUAL GREATER_THAN 100 PERCENTAGE",
      "FORECASTED GREATER_THAN 100 PERCENTAGE",
    ])
    error_message = "There must be notifications for half of it, for all of it, and for a forecast above it."
  }

  assert {
    condition     = alltrue([for notification in aws_budgets_budget.this.notification : notification.subscriber_email_addresses == toset(["platform@example.com"])])
    error_message = "Every notification must have all addresses."
  }
}

run "nobody_to_tell" {
  command = plan

  variables {
    emails = []
  }

  assert {
    condition     = length(aws_budgets_budget.this.notification) == 0
    error_message = "Without addresses there must be no notification: AWS refuses one without a subscriber."
  }
}

run "free_of_charge" {
  command = plan

  variables {
    monthly_usd = 0
  }

  expect_failures = [var.monthly_usd]
}

run "eleven_people" {
  command = plan

  variables {
    emails = ["a@example.com", "b@example.com", "c@example.com", "d@example.com", "e@example.com", "f@example.com", "g@example.com", "h@example.com", "i@example.com", "j@example.com", "k@example.com"]
  }

  expect_failures = [var.emails]
}
