# The grant `protection`: a worker protects itself from scale-in while it has tasks.

locals {
  grant_protection = [
    {
      Sid      = "Protection"
      Effect   = "Allow"
      Action   = ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"]
      Resource = ["arn:aws:ecs:${var.region}:${var.account_id}:task/${module.cluster.name}/*"]
    },
  ]
}
