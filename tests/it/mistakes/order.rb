runbook storefront "Storefront release" {}

phase deployment: live at T+0 {
  step deploy at T+20m { run "deploy"; undo none "x" }
  step check at T+5m { run "check"; undo none "x" }
}

phase preparation: prepare {
  step build at T-24h { run "build" }
}
