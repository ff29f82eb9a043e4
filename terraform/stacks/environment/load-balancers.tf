# Users connect through one load balancer, tasks through another. Without a domain there is no certificate, and then the
# first is internal too: a password never crosses the internet in clear text.

locals {
  domain   = var.access.domain
  own_zone = try(local.domain.hosted_zone_id, null) != null
  given    = try(local.domain.certificate_arn, null)

  # The stack creates the certificate if there is a hosted zone and no given certificate. The zone must be public,
  # because ACM validates the certificate there.
  own_certificate = local.own_zone && local.given == null
  certificate     = local.own_certificate ? one(module.certificate[*].arn) : local.given

  # Known before any resource exists, unlike the certificate's ARN.
  secure = local.domain != null

  # Tasks use TLS too, if the certificate has the name of their load balancer.
  execution_api_name = local.own_certificate ? "execution-api.${local.domain.name}" : null

  web_url = local.secure ? "https://${local.domain.name}" : "http://${module.public_load_balancer.dns_name}"
  execution_api_url = (
    local.own_certificate
    ? "https://${local.execution_api_name}/execution/"
    : "http://${module.internal_load_balancer.dns_name}/execution/"
  )

  public_routes = {
    for name, service in var.services : name => {
      port        = service.ports[0]
      health_path = service.health_path
      paths       = service.path == "/" ? ["/*"] : [service.path, "${service.path}/*"]
      priority    = service.path == "/" ? 1000 : 100
      sticky      = service.sticky
    } if service.exposure == "public"
  }

  internal_routes = {
    (var.execution_api) = {
      port        = var.services[var.execution_api].ports[0]
      health_path = "/execution/health"
      paths       = ["/execution/*"]
      priority    = 100
    }
  }
}

module "certificate" {
  source = "../../modules/certificate"
  count  = local.own_certificate ? 1 : 0

  domain_names   = [local.domain.name, local.execution_api_name]
  hosted_zone_id = local.domain.hosted_zone_id
}

module "public_load_balancer" {
  source = "../../modules/load-balancer"

  name                = local.name
  purpose             = "public"
  vpc_id              = module.placement.vpc_id
  subnet_ids          = module.placement.public_subnet_ids
  internal            = !local.secure
  certificate_arn     = local.certificate
  secure              = local.secure
  redirect_http       = true
  access_log_bucket   = module.access_logs.bucket
  denied_paths        = ["/execution", "/execution/*"]
  routes              = local.public_routes
  deletion_protection = var.database.deletion_protection
}

module "internal_load_balancer" {
  source = "../../modules/load-balancer"

  name                = local.name
  purpose             = "internal"
  vpc_id              = module.placement.vpc_id
  subnet_ids          = module.placement.private_subnet_ids
  internal            = true
  certificate_arn     = local.own_certificate ? local.certificate : null
  secure              = local.own_certificate
  access_log_bucket   = module.access_logs.bucket
  routes              = local.internal_routes
  deletion_protection = var.database.deletion_protection
}

resource "aws_route53_record" "web" {
  count = local.own_zone ? 1 : 0

  zone_id = local.domain.hosted_zone_id
  name    = local.domain.name
  type    = "A"

  alias {
    name                   = module.public_load_balancer.dns_name
    zone_id                = module.public_load_balancer.zone_id
    evaluate_target_health = true
  }
}

resource "aws_route53_record" "execution_api" {
  count = local.own_certificate ? 1 : 0

  zone_id = local.domain.hosted_zone_id
  name    = local.execution_api_name
  type    = "A"

  alias {
    name                   = module.internal_load_balancer.dns_name
    zone_id                = module.internal_load_balancer.zone_id
    evaluate_target_health = true
  }
}
