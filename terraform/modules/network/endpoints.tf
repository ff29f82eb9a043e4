# AWS services inside the private tier. The endpoint policies accept only identities of this account: data cannot leave
# through an endpoint with the credentials of another account.

locals {
  services_of = {
    ecr            = ["ecr.api", "ecr.dkr"]
    logs           = ["logs"]
    secretsmanager = ["secretsmanager"]
    ssm            = ["ssm", "ssmmessages"] # ECS Exec uses ssmmessages
    ecs            = ["ecs"]                # for the controller; on Fargate the agent does not use it
  }

  interfaces = toset(flatten([for endpoint in setsubtract(var.endpoints, ["s3"]) : local.services_of[endpoint]]))

  own_identities = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OwnIdentities"
      Effect    = "Allow"
      Principal = "*"
      Action    = "*"
      Resource  = "*"
      Condition = { StringEquals = { "aws:PrincipalAccount" = var.account_id } }
    }]
  })

  s3 = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OwnIdentities"
        Effect    = "Allow"
        Principal = "*"
        Action    = "s3:*"
        Resource  = "*"
        Condition = {
          StringEquals = {
            "aws:PrincipalAccount" = var.account_id
            "aws:ResourceAccount"  = sort(setunion(var.s3_accounts, [var.account_id]))
          }
        }
      },
      {
        # ECR stores image layers in a bucket of its own, and gives clients signed URLs.
        Sid       = "ImageLayers"
        Effect    = "Allow"
        Principal = "*"
        Action    = "s3:GetObject"
        Resource  = "arn:aws:s3:::prod-${var.region}-starport-layer-bucket/*"
      },
    ]
  })
}

resource "aws_vpc_endpoint" "s3" {
  count = contains(var.endpoints, "s3") ? 1 : 0

  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for table in aws_route_table.private : table.id]
  policy            = local.s3

  tags = { Name = "${var.name}-s3" }
}

resource "aws_security_group" "endpoints" {
  count = length(local.interfaces) > 0 ? 1 : 0

  name        = "${var.name}-endpoints"
  description = "Endpoints of AWS services"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-endpoints" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.interfaces

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.endpoints[0].id]
  private_dns_enabled = true

  policy = local.own_identities

  tags = { Name = "${var.name}-${each.key}" }
}
