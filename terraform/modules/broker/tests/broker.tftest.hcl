mock_provider "aws" {
  mock_resource "aws_elasticache_replication_group" {
    defaults = {
      # A value that ElastiCache sets if none is given.
      snapshot_window = "09:00-10:00"
    }
  }
}

variables {
  name               = "acme-dev"
  vpc_id             = "vpc-1"
  subnet_ids         = ["subnet-1", "subnet-2"]
  kms_key_arn        = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
  node_type          = "cache.t4g.small"
  replicas           = 0
  auth_token         = "0123456789abcdefghij"
  auth_token_version = 1
}

run "a_queue_for_celery" {
  assert {
    condition     = aws_elasticache_replication_group.this.cluster_mode == "disabled"
    error_message = "Celery needs cluster mode off."
  }

  assert {
    condition     = { for parameter in aws_elasticache_parameter_group.this.parameter : parameter.name => parameter.value } == { maxmemory-policy = "noeviction", timeout = "0", tcp-keepalive = "60" }
    error_message = "The broker must evict nothing, keep the connections of idle workers, and notice dead clients."
  }

  assert {
    condition     = aws_elasticache_replication_group.this.parameter_group_name == aws_elasticache_parameter_group.this.name
    error_message = "The parameters must be the broker's."
  }

  assert {
    condition     = aws_elasticache_replication_group.this.engine == "valkey" && aws_elasticache_replication_group.this.engine_version == "8.1" && aws_elasticache_parameter_group.this.family == "valkey8"
    error_message = "The engine must be Valkey, in an explicit version, with the parameters of that version."
  }

  assert {
    condition     = aws_elasticache_replication_group.this.snapshot_retention_limit == 0
    error_message = "There must be no snapshot: it would restore tasks that have already run."
  }

  assert {
    condition     = aws_elasticache_replication_group.this.replication_group_id == "acme-dev-broker" && aws_elasticache_replication_group.this.port == 6379
    error_message = "The broker must have the environment's name and the port that its clients use."
  }

  assert {
    condition     = !aws_elasticache_replication_group.this.apply_immediately && aws_elasticache_replication_group.this.maintenance_window == "sun:06:00-sun:07:00" && aws_elasticache_replication_group.this.auto_minor_version_upgrade == "true"
    error_message = "Nodes must be replaced in the maintenance window, and patched automatically."
  }
}

run "encrypted_and_private" {
  assert {
    condition     = aws_elasticache_replication_group.this.at_rest_encryption_enabled == "true" && aws_elasticache_replication_group.this.kms_key_id == var.kms_key_arn
    error_message = "Data must be encrypted with the given key."
  }

  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_enabled && aws_elasticache_replication_group.this.transit_encryption_mode == "required"
    error_message = "No client may connect without TLS."
  }

  assert {
    condition = (
      aws_elasticache_replication_group.this.auth_token == null
      && aws_elasticache_replication_group.this.auth_token_wo == null
      && aws_elasticache_replication_group.this.auth_token_wo_version == 1
      && aws_elasticache_replication_group.this.auth_token_update_strategy == "ROTATE"
    )
    error_message = "The token must be write-only, and the old token must stay valid when a new one is sent."
  }

  assert {
    condition = (
      aws_elasticache_replication_group.this.security_group_ids == toset([aws_security_group.this.id])
      && length(aws_security_group.this.ingress) == 0
      && length(aws_security_group.this.egress) == 0
      && output.security_group_id == aws_security_group.this.id
    )
    error_message = "The broker must be behind its own security group, which has no rules of its own."
  }

  assert {
    condition     = aws_elasticache_replication_group.this.subnet_group_name == aws_elasticache_subnet_group.this.name && aws_elasticache_subnet_group.this.subnet_ids == toset(["subnet-1", "subnet-2"])
    error_message = "The broker must be in the data tier."
  }
}

run "one_node" {
  assert {
    condition     = aws_elasticache_replication_group.this.num_cache_clusters == 1 && !aws_elasticache_replication_group.this.automatic_failover_enabled && !aws_elasticache_replication_group.this.multi_az_enabled
    error_message = "Without a replica there is no failover."
  }

  assert {
    condition     = output.node_ids == ["acme-dev-broker-001"]
    error_message = "The node id must be the one that ElastiCache gives."
  }
}

run "replicas" {
  variables {
    replicas = 2
  }

  assert {
    condition     = aws_elasticache_replication_group.this.num_cache_clusters == 3 && aws_elasticache_replication_group.this.automatic_failover_enabled && aws_elasticache_replication_group.this.multi_az_enabled
    error_message = "A replica in another zone must take over automatically."
  }

  assert {
    condition     = output.node_ids == ["acme-dev-broker-001", "acme-dev-broker-002", "acme-dev-broker-003"]
    error_message = "There must be an id for each node."
  }
}

run "logs" {
  assert {
    condition = { for log in aws_elasticache_replication_group.this.log_delivery_configuration : log.log_type => "${log.destination_type} ${log.log_format} ${log.destination}" } == {
      engine-log = "cloudwatch-logs json /aws/vendedlogs/acme-dev/broker/engine-log"
      slow-log   = "cloudwatch-logs json /aws/vendedlogs/acme-dev/broker/slow-log"
    }
    error_message = "Both logs must reach CloudWatch, in groups whose names need no entry in the account's policy."
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : group.kms_key_id == var.kms_key_arn && group.retention_in_days == 30])
    error_message = "Logs must be encrypted, and have a limited retention."
  }
}

run "redis" {
  command = plan

  variables {
    name   = "acme-redis"
    engine = "redis"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.engine == "redis" && aws_elasticache_replication_group.this.engine_version == "7.1" && aws_elasticache_parameter_group.this.family == "redis7"
    error_message = "Redis must have its own version and its own parameters."
  }
}

run "an_older_valkey" {
  command = plan

  variables {
    name           = "acme-old"
    engine_version = "7.2"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.engine_version == "7.2" && aws_elasticache_parameter_group.this.family == "valkey7"
    error_message = "The parameters must be those of the version."
  }

  assert {
    condition     = endswith(aws_elasticache_parameter_group.this.name, "-valkey7")
    error_message = "The groups of two families exist side by side during an upgrade: their names must differ."
  }
}

run "a_name_of_full_length" {
  command = plan

  variables {
    name     = "a23456789-b23456789-c23456789-d23456789-e"
    replicas = 1
  }

  assert {
    condition     = length(aws_elasticache_replication_group.this.replication_group_id) <= 40
    error_message = "ElastiCache allows 40 characters."
  }

  assert {
    condition     = startswith(output.node_ids[1], aws_elasticache_replication_group.this.replication_group_id) && endswith(output.node_ids[1], "-002")
    error_message = "The ids of the nodes must begin with the group's id."
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : startswith(group.name, "/aws/vendedlogs/a23456789-b23456789-c23456789-d23456789-e/")])
    error_message = "The key's policy lets CloudWatch use it only for log groups whose names contain the environment's whole name."
  }
}

run "other_choices" {
  command = plan

  variables {
    name                       = "acme-other"
    snapshot_retention_days    = 3
    apply_immediately          = true
    auth_token_version         = 7
    auth_token_update_strategy = "SET"
  }

  assert {
    condition = (
      aws_elasticache_replication_group.this.snapshot_retention_limit == 3
      && aws_elasticache_replication_group.this.apply_immediately
      && aws_elasticache_replication_group.this.auth_token_wo_version == 7
      && aws_elasticache_replication_group.this.auth_token_update_strategy == "SET"
    )
    error_message = "The inputs must reach the broker."
  }
}

run "name_with_two_dashes" {
  command = plan

  variables {
    name = "acme--dev"
  }

  expect_failures = [var.name]
}

run "one_zone" {
  command = plan

  variables {
    subnet_ids = ["subnet-1"]
  }

  expect_failures = [var.subnet_ids]
}

run "type_of_another_service" {
  command = plan

  variables {
    node_type = "db.t4g.small"
  }

  expect_failures = [var.node_type]
}

run "more_replicas_than_elasticache_has" {
  command = plan

  variables {
    replicas = 6
  }

  expect_failures = [var.replicas]
}

run "memcached" {
  command = plan

  variables {
    engine = "memcached"
  }

  expect_failures = [var.engine]
}

run "version_of_the_other_engine" {
  command = plan

  variables {
    engine         = "redis"
    engine_version = "8.1"
  }

  expect_failures = [var.engine_version]
}

run "version_that_valkey_never_had" {
  command = plan

  variables {
    engine_version = "7.1"
  }

  expect_failures = [var.engine_version]
}

run "short_token" {
  command = plan

  variables {
    auth_token = "0123456789abcde"
  }

  expect_failures = [var.auth_token]
}

run "token_that_elasticache_refuses" {
  command = plan

  variables {
    auth_token = "0123456789abcdef@"
  }

  expect_failures = [var.auth_token]
}

run "strategy_that_takes_the_token_away" {
  command = plan

  variables {
    auth_token_update_strategy = "DELETE"
  }

  expect_failures = [var.auth_token_update_strategy]
}

run "snapshots_for_longer_than_elasticache_keeps_them" {
  command = plan

  variables {
    snapshot_retention_days = 36
  }

  expect_failures = [var.snapshot_retention_days]
}

run "maintenance_window_without_days" {
  command = plan

  variables {
    maintenance_window = "06:00-07:00"
  }

  expect_failures = [var.maintenance_window]
}

run "retention_that_cloudwatch_does_not_offer" {
  command = plan

  variables {
    log_retention_days = 31
  }

  expect_failures = [var.log_retention_days]
}
