mock_provider "aws" {
  mock_resource "aws_acm_certificate" {
    defaults = {
      arn = "arn:aws:acm:eu-west-1:111122223333:certificate/11111111-2222-3333-4444-555555555555"
      domain_validation_options = [
        {
          domain_name           = "execution-api.airflow.example.com"
          resource_record_name  = "_b.execution-api.airflow.example.com."
          resource_record_type  = "CNAME"
          resource_record_value = "_b.acm-validations.aws."
        },
        {
          domain_name           = "airflow.example.com"
          resource_record_name  = "_a.airflow.example.com."
          resource_record_type  = "CNAME"
          resource_record_value = "_a.acm-validations.aws."
        },
      ]
    }
  }
}

variables {
  domain_names   = ["airflow.example.com", "execution-api.airflow.example.com"]
  hosted_zone_id = "Z0123456789ABC"
}

run "for_every_name" {
  assert {
    condition     = aws_acm_certificate.this.domain_name == "airflow.example.com" && aws_acm_certificate.this.subject_alternative_names == toset(["execution-api.airflow.example.com"])
    error_message = "The first name must be the main one, and the certificate must have the other names too."
  }

  assert {
    condition     = aws_acm_certificate.this.validation_method == "DNS"
    error_message = "The certificate must renew automatically, without a person who answers a message."
  }
}

run "proved_by_records" {
  assert {
    condition = { for name, record in aws_route53_record.validation : name => "${record.zone_id} ${record.name} ${record.type} ${one(record.records)}" } == {
      "airflow.example.com"               = "Z0123456789ABC _a.airflow.example.com. CNAME _a.acm-validations.aws."
      "execution-api.airflow.example.com" = "Z0123456789ABC _b.execution-api.airflow.example.com. CNAME _b.acm-validations.aws."
    }
    error_message = "Each name must have its own validation record, in whatever order ACM lists them."
  }

  assert {
    condition     = aws_acm_certificate_validation.this.validation_record_fqdns == toset([for record in aws_route53_record.validation : record.fqdn]) && output.arn == aws_acm_certificate_validation.this.certificate_arn
    error_message = "The ARN must be known only after all names are validated."
  }
}

run "one_name" {
  command = plan

  variables {
    domain_names = ["airflow.example.com"]
  }

  assert {
    condition     = keys(aws_route53_record.validation) == ["airflow.example.com"]
    error_message = "A single name must need one record, known before the certificate exists."
  }
}

run "no_name" {
  command = plan

  variables {
    domain_names = []
  }

  expect_failures = [var.domain_names]
}

run "main_name_too_long_for_a_certificate" {
  command = plan

  variables {
    domain_names = ["airflow-of-a-company-with-a-very-long-name.and-a-zone.example.com"]
  }

  expect_failures = [var.domain_names]
}
