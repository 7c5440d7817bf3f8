runbook storefront "Storefront release" {}

phase preparation: prepare {
  step backup { run "backup"; undo { run "rm backup" } }
  gate ready { run "is-ready"; on failure rollback }
}

phase deployment: live {
  step migrate { run "migrate" }
  step deploy {
    run "deploy"
    undo {}
    on failure stop
  }
}
