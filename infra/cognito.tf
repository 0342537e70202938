# The identity provider: Cognito, or any OpenID provider by variables. Cognito says who people are; which role they have at which
# locations is stored by the function users. A person's subject is the `sub` that Cognito gave the account.

locals {
  cognito_issuer = one([for pool in aws_cognito_user_pool.this : "https://cognito-idp.${var.region}.amazonaws.com/${pool.id}"])
  cognito_pages  = one([for domain in aws_cognito_user_pool_domain.this : "https://${domain.domain}.auth.${var.region}.amazoncognito.com"])
  cognito_client = one(aws_cognito_user_pool_client.dashboard[*].id)

  oidc = {
    issuer    = var.cognito ? local.cognito_issuer : var.oidc_issuer
    client_id = var.cognito ? local.cognito_client : var.oidc_client_id
    # Only the id tokens of Cognito name an audience, the client. Callers of the API send them as bearer tokens.
    audience               = var.cognito ? local.cognito_client : var.oidc_audience
    authorization_endpoint = var.cognito ? "${local.cognito_pages}/oauth2/authorize" : var.oidc_authorization_endpoint
    token_endpoint         = var.cognito ? "${local.cognito_pages}/oauth2/token" : var.oidc_token_endpoint
    # The logout of Cognito does not take the parameters of OpenID Connect.
    end_session_endpoint = var.cognito ? null : var.oidc_end_session_endpoint
    jwks_url             = var.cognito ? "${local.cognito_issuer}/.well-known/jwks.json" : var.oidc_jwks_url
  }
}

resource "aws_cognito_user_pool" "this" {
  count = var.cognito ? 1 : 0

  name                = "${local.prefix}-people"
  username_attributes = ["email"]
  deletion_protection = local.deletion_protection ? "ACTIVE" : "INACTIVE"

  admin_create_user_config {
    allow_admin_create_user_only = true
  }

  password_policy {
    minimum_length                   = 14
    require_lowercase                = false
    require_uppercase                = false
    require_numbers                  = false
    require_symbols                  = false
    temporary_password_validity_days = 3
  }

  mfa_configuration = "OPTIONAL"
  software_token_mfa_configuration {
    enabled = true
  }
}

# A public client: PKCE takes the place of a secret.
resource "aws_cognito_user_pool_client" "dashboard" {
  count = var.cognito ? 1 : 0

  name                                 = "${local.prefix}-dashboard"
  user_pool_id                         = aws_cognito_user_pool.this[0].id
  generate_secret                      = false
  allowed_oauth_flows_user_pool_client = true
  allowed_oauth_flows                  = ["code"]
  allowed_oauth_scopes                 = ["openid", "profile"]
  supported_identity_providers         = ["COGNITO"]
  callback_urls                        = ["${local.dashboard_url}/callback"]
  prevent_user_existence_errors        = "ENABLED"
  enable_token_revocation              = true
  id_token_validity                    = 1
  access_token_validity                = 1

  token_validity_units {
    id_token     = "hours"
    access_token = "hours"
  }
}

# The sign-in page. The name must be unique in the region.
resource "aws_cognito_user_pool_domain" "this" {
  count = var.cognito ? 1 : 0

  domain       = "${local.prefix}-${local.account_id}"
  user_pool_id = aws_cognito_user_pool.this[0].id
}
