runbook storefront "Storefront release" {}

phase deployment: live "Deployment" {
  step deploy "Deploy" {
    run "deploy"
    undo none "x"

phase later: after "Later" {
  step close { run "close" }
}
