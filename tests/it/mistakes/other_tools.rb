runbook storefront "Storefront release" {}

stage deployment {
  job deploy {
    script "deploy.sh"
    timeout = 5m
    if branch == "main"
    retries = 3
  }
}
