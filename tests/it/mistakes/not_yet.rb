runbook storefront "Storefront release" {}

approve go "Go?" { by "ana@acme.example" within 30m }

phase deployment: live in mornings {
  step deploy {
    run "deploy"
    undo none "x"
    on failure pause
  }
  ramp canary: edge through [10%, 50%] { hold for 5m }
}
