runbook storefront "Storefront release" {}

metric error_rate: percent { run "error-rate"; unit = percent }
metric p95: duration { run "p95"; unit = ms }

phase deployment: live "Deployment" {
  step deploy {
    within 5 min
    run "deploy"
    undo none "x"
  }
  hold for 300 { expect error_rate < 1 }
  hold for 5m { expect p95 < 500 }
  hold for 5m { expect p95 < 2sec }
  gate g { expect error_rate < baseline + 10% }
}
