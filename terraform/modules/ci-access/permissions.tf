# By topic, because AWS accepts at most 6,144 characters in one policy. Resources are limited by the tenant's prefix if
# the service supports names in policies. EC2 does not: there the region is the limit.

locals {
  in_region = { StringEquals = { "aws:RequestedRegion" = var.region } }
  own       = "${var.tenant}-*"
  here      = "${var.region}:${var.account_id}"

  deploy = {
    state    = local.deploy_state
    network  = local.deploy_network
    services = local.deploy_services
    data     = local.deploy_data
    identity = local.deploy_identity
  }

  deploy_state = [
    {
      Sid      = "States"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = ["${var.state_bucket_arn}/*"]
    },
    {
      # Locks of Terraform and of releases can be deleted, and so can the record of a running deployment. States and
      # ledgers cannot.
      Sid    = "Locks"
      Effect = "Allow"
      Action = ["s3:DeleteObject"]
      Resource = [
        for ended in ["*.tflock", "releases/environments/*/lock.json", "releases/environments/*/deployment.json"] :
        "${var.state_bucket_arn}/${ended}"
      ]
    },
    {
      # Only the controllers' buckets have objects with these keys.
      Sid    = "DagReleases"
      Effect = "Allow"
      Action = ["s3:GetObject", "s3:PutObject"]
      Resource = [
        for asked in ["controller/inbox.json", "dags/*"] :
        "arn:aws:s3:::${local.own}/${asked}"
      ]
    },
    {
      Sid    = "ControllersAnswers"
      Effect = "Allow"
      Action = ["s3:GetObject"]
      Resource = [
        for answered in ["controller/answers/*", "controller/leader.json", "controller/workers.json"] :
        "arn:aws:s3:::${local.own}/${answered}"
      ]
    },
    {
      Sid      = "StateBucket"
      Effect   = "Allow"
      Action   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketVersions"]
      Resource = [var.state_bucket_arn]
    },
    {
      # Terraform manages the objects that environments publish: it reads their tags, and deletes every version when it
      # destroys them.
      Sid      = "Published"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObjectTagging"]
      Resource = ["${var.state_bucket_arn}/published/*"]
    },
    {
      # The state bucket has the tenant's prefix, like the buckets that a pipeline may create and change.
      Sid      = "StateBucketStays"
      Effect   = "Deny"
      Action   = ["s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:PutBucket*", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration"]
      Resource = [var.state_bucket_arn]
    },
    {
      Sid      = "StateKey"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = [var.state_key_arn]
    },
  ]

  deploy_network = [
    {
      Sid      = "Look"
      Effect   = "Allow"
      Action   = ["acm:DescribeCertificate", "acm:ListTagsForCertificate", "ec2:Describe*", "ec2:GetManagedPrefixListEntries", "elasticloadbalancing:Describe*", "route53:GetChange", "route53:GetHostedZone", "route53:ListResourceRecordSets"]
      Resource = ["*"]
    },
    {
      Sid    = "Network"
      Effect = "Allow"
      Action = flatten([
        for noun in ["FlowLogs", "InternetGateway", "NatGateway", "NetworkAcl", "NetworkAclEntry", "Route", "RouteTable", "SecurityGroup", "Subnet", "Tags", "Vpc"] :
        ["ec2:Create${noun}", "ec2:Delete${noun}"]
      ])
      Resource  = ["*"]
      Condition = local.in_region
    },
    {
      Sid    = "NetworkParts"
      Effect = "Allow"
      Action = [
        "ec2:AllocateAddress", "ec2:AssociateRouteTable", "ec2:AttachInternetGateway",
        "ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateVpcEndpoint",
        "ec2:DeleteVpcEndpoints", "ec2:DetachInternetGateway", "ec2:DisassociateAddress", "ec2:DisassociateRouteTable",
        "ec2:ModifySecurityGroupRules", "ec2:ModifySubnetAttribute", "ec2:ModifyVpcAttribute", "ec2:ModifyVpcEndpoint",
        "ec2:ReleaseAddress", "ec2:ReplaceNetworkAclAssociation", "ec2:ReplaceNetworkAclEntry", "ec2:ReplaceRoute",
        "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress",
        "ec2:UpdateSecurityGroupRuleDescriptionsEgress", "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
      ]
      Resource  = ["*"]
      Condition = local.in_region
    },
    {
      Sid    = "LoadBalancers"
      Effect = "Allow"
      Action = ["elasticloadbalancing:*"]
      Resource = [
        for kind in ["loadbalancer/app", "targetgroup", "listener/app", "listener-rule/app"] :
        "arn:aws:elasticloadbalancing:${local.here}:${kind}/${local.own}"
      ]
    },
    {
      Sid       = "Certificates"
      Effect    = "Allow"
      Action    = ["acm:AddTagsToCertificate", "acm:DeleteCertificate", "acm:RequestCertificate"]
      Resource  = ["*"]
      Condition = local.in_region
    },
    {
      Sid      = "Names"
      Effect   = "Allow"
      Action   = ["route53:ChangeResourceRecordSets"]
      Resource = ["arn:aws:route53:::hostedzone/*"]
    },
  ]

  deploy_services = [
    {
      Sid      = "Look"
      Effect   = "Allow"
      Action   = ["application-autoscaling:Describe*", "ecr:DescribeRepositories", "ecs:Describe*", "ecs:List*", "logs:DescribeLogGroups", "cloudwatch:Describe*", "tag:GetResources"]
      Resource = ["*"]
    },
    {
      Sid    = "Clusters"
      Effect = "Allow"
      Action = ["ecs:*"]
      Resource = [
        for kind in ["cluster", "service", "task", "task-definition"] : "arn:aws:ecs:${local.here}:${kind}/${local.own}"
      ]
    },
    {
      # The controller decides which revision workers run: a pipeline registers a revision and sends a command.
      # Terraform changes the other settings of these services, and names no revision.
      Sid       = "WorkersAreTheControllers"
      Effect    = "Deny"
      Action    = ["ecs:UpdateService"]
      Resource  = ["arn:aws:ecs:${local.here}:service/${local.own}/worker*"]
      Condition = { Null = { "ecs:task-definition" = "false" } }
    },
    {
      # These actions support no resources in policies.
      Sid       = "Definitions"
      Effect    = "Allow"
      Action    = ["ecs:DeregisterTaskDefinition", "ecs:DescribeTaskDefinition"]
      Resource  = ["*"]
      Condition = local.in_region
    },
    {
      Sid    = "Scaling"
      Effect = "Allow"
      Action = [
        "application-autoscaling:DeleteScalingPolicy", "application-autoscaling:DeleteScheduledAction",
        "application-autoscaling:DeregisterScalableTarget", "application-autoscaling:ListTagsForResource",
        "application-autoscaling:PutScalingPolicy", "application-autoscaling:PutScheduledAction",
        "application-autoscaling:RegisterScalableTarget", "application-autoscaling:TagResource",
      ]
      Resource = ["arn:aws:application-autoscaling:${local.here}:scalable-target/*"]
    },
    {
      Sid      = "Images"
      Effect   = "Allow"
      Action   = ["ecr:*"]
      Resource = ["arn:aws:ecr:${local.here}:repository/${var.tenant}/*"]
    },
    {
      Sid      = "ImagesLogin"
      Effect   = "Allow"
      Action   = ["ecr:GetAuthorizationToken"]
      Resource = ["*"]
    },
    {
      Sid      = "Logs"
      Effect   = "Allow"
      Action   = ["logs:*"]
      Resource = [for group in ["/", "/aws/rds/instance/", "/aws/vendedlogs/"] : "arn:aws:logs:${local.here}:log-group:${group}${local.own}"]
    },
    {
      # ElastiCache creates the delivery of the broker's logs with the rights of the caller that creates the broker.
      # These actions support no resources in policies.
      Sid       = "LogDelivery"
      Effect    = "Allow"
      Action    = [for verb in ["Create", "Delete", "Get", "Update"] : "logs:${verb}LogDelivery"]
      Resource  = ["*"]
      Condition = local.in_region
    },
    {
      Sid      = "Alarms"
      Effect   = "Allow"
      Action   = ["cloudwatch:DeleteAlarms", "cloudwatch:ListTagsForResource", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"]
      Resource = ["arn:aws:cloudwatch:${local.here}:alarm:${local.own}"]
    },
    {
      Sid      = "Dashboards"
      Effect   = "Allow"
      Action   = ["cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard"]
      Resource = ["arn:aws:cloudwatch::${var.account_id}:dashboard/${local.own}"]
    },
    {
      Sid      = "Topics"
      Effect   = "Allow"
      Action   = ["sns:CreateTopic", "sns:DeleteTopic", "sns:GetTopicAttributes", "sns:ListTagsForResource", "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource"]
      Resource = ["arn:aws:sns:${local.here}:${local.own}"]
    },
    {
      # These actions support no resources in policies.
      Sid       = "Subscriptions"
      Effect    = "Allow"
      Action    = ["sns:GetSubscriptionAttributes", "sns:Unsubscribe"]
      Resource  = ["*"]
      Condition = local.in_region
    },
  ]

  deploy_data = [
    {
      Sid      = "Look"
      Effect   = "Allow"
      Action   = ["rds:Describe*", "elasticache:Describe*", "elasticfilesystem:Describe*", "kms:ListAliases", "backup:DescribeBackupVault"]
      Resource = ["*"]
    },
    {
      Sid    = "Database"
      Effect = "Allow"
      Action = ["rds:AddTagsToResource", "rds:CreateDBInstance", "rds:CreateDBParameterGroup", "rds:CreateDBSnapshot", "rds:CreateDBSubnetGroup", "rds:DeleteDBInstance", "rds:DeleteDBParameterGroup", "rds:DeleteDBSubnetGroup", "rds:ListTagsForResource", "rds:ModifyDBInstance", "rds:ModifyDBParameterGroup", "rds:ModifyDBSubnetGroup", "rds:RebootDBInstance", "rds:RemoveTagsFromResource", "rds:ResetDBParameterGroup", "rds:RestoreDBInstanceFromDBSnapshot"]
      # Every instance has an option group; Tradewind uses AWS's default one.
      Resource = concat([for kind in ["db", "subgrp", "pg", "snapshot"] : "arn:aws:rds:${local.here}:${kind}:${local.own}"], ["arn:aws:rds:${local.here}:og:default*"])
    },
    {
      Sid      = "Broker"
      Effect   = "Allow"
      Action   = ["elasticache:*"]
      Resource = [for kind in ["replicationgroup", "cluster", "subnetgroup", "parametergroup"] : "arn:aws:elasticache:${local.here}:${kind}:${local.own}"]
    },
    {
      Sid       = "DagStorage"
      Effect    = "Allow"
      Action    = ["elasticfilesystem:CreateAccessPoint", "elasticfilesystem:CreateMountTarget", "elasticfilesystem:Delete*", "elasticfilesystem:List*", "elasticfilesystem:ModifyMountTargetSecurityGroups", "elasticfilesystem:PutBackupPolicy", "elasticfilesystem:PutFileSystemPolicy", "elasticfilesystem:PutLifecycleConfiguration", "elasticfilesystem:TagResource", "elasticfilesystem:UntagResource", "elasticfilesystem:UpdateFileSystem"]
      Resource  = ["arn:aws:elasticfilesystem:${local.here}:*"]
      Condition = local.in_region
    },
    {
      # A file system has no name before it is created.
      Sid       = "NewDagStorage"
      Effect    = "Allow"
      Action    = ["elasticfilesystem:CreateFileSystem"]
      Resource  = ["*"]
      Condition = local.in_region
    },
    {
      Sid      = "Buckets"
      Effect   = "Allow"
      Action   = ["s3:CreateBucket", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:Get*", "s3:List*", "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration"]
      Resource = ["arn:aws:s3:::${local.own}"]
    },
    {
      Sid    = "Secrets"
      Effect = "Allow"
      Action = [
        "secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:DescribeSecret",
        "secretsmanager:GetResourcePolicy", "secretsmanager:PutSecretValue", "secretsmanager:RestoreSecret",
        "secretsmanager:TagResource", "secretsmanager:UpdateSecret", "secretsmanager:UpdateSecretVersionStage",
      ]
      Resource = ["arn:aws:secretsmanager:${local.here}:secret:${var.tenant}-*"]
    },
    {
      # RDS creates the administrator's secret with the rights of the caller that creates the database.
      Sid      = "DatabaseAdministrator"
      Effect   = "Allow"
      Action   = ["secretsmanager:CreateSecret", "secretsmanager:DescribeSecret", "secretsmanager:TagResource"]
      Resource = ["arn:aws:secretsmanager:${local.here}:secret:rds!db-*"]
    },
    {
      # The only secret value that Terraform reads: see stacks/environment/data.tf.
      Sid      = "BrokerToken"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = ["arn:aws:secretsmanager:${local.here}:secret:${var.tenant}-*/broker-token-*"]
    },
    {
      Sid      = "RandomValues"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetRandomPassword"]
      Resource = ["*"]
    },
    {
      Sid       = "Keys"
      Effect    = "Allow"
      Action    = ["kms:CreateAlias", "kms:CreateGrant", "kms:CreateKey", "kms:Decrypt", "kms:DeleteAlias", "kms:DescribeKey", "kms:EnableKeyRotation", "kms:Encrypt", "kms:GenerateDataKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UpdateAlias"]
      Resource  = ["*"]
      Condition = local.in_region
    },
  ]

  deploy_identity = [
    {
      Sid      = "Look"
      Effect   = "Allow"
      Action   = ["iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole", "iam:ListPolicyVersions", "iam:ListRolePolicies"]
      Resource = ["arn:aws:iam::${var.account_id}:role/${local.own}", "arn:aws:iam::${var.account_id}:policy/${local.own}"]
    },
    {
      # A role can be created, or get more permissions, only with the boundary: a pipeline cannot make itself an
      # administrator.
      Sid    = "Roles"
      Effect = "Allow"
      Action = ["iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePolicy"]
      # Roles of environments have a path of that environment; the deploy role does not.
      Resource  = ["arn:aws:iam::${var.account_id}:role/${local.own}/*"]
      Condition = { StringEquals = { "iam:PermissionsBoundary" = var.boundary_arns } }
    },
    {
      Sid      = "RoleEnds"
      Effect   = "Allow"
      Action   = ["iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription"]
      Resource = ["arn:aws:iam::${var.account_id}:role/${local.own}/*"]
    },
    {
      Sid       = "PassRoles"
      Effect    = "Allow"
      Action    = ["iam:PassRole"]
      Resource  = ["arn:aws:iam::${var.account_id}:role/${local.own}/*"]
      Condition = { StringEquals = { "iam:PassedToService" = ["ecs-tasks.amazonaws.com", "monitoring.rds.amazonaws.com", "vpc-flow-logs.amazonaws.com"] } }
    },
    {
      Sid       = "ServiceRoles"
      Effect    = "Allow"
      Action    = ["iam:CreateServiceLinkedRole"]
      Resource  = ["arn:aws:iam::${var.account_id}:role/aws-service-role/*"]
      Condition = { StringEquals = { "iam:AWSServiceName" = ["ecs.amazonaws.com", "ecs.application-autoscaling.amazonaws.com", "elasticache.amazonaws.com", "elasticfilesystem.amazonaws.com", "elasticloadbalancing.amazonaws.com", "rds.amazonaws.com"] } }
    },
    {
      Sid      = "Budgets"
      Effect   = "Allow"
      Action   = ["budgets:ListTagsForResource", "budgets:ModifyBudget", "budgets:TagResource", "budgets:ViewBudget"]
      Resource = ["arn:aws:budgets::${var.account_id}:budget/${local.own}"]
    },
  ]
}
