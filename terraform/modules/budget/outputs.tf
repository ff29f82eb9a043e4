output "name" {
  description = "The name of the budget."
  value       = aws_budgets_budget.this.name
}
