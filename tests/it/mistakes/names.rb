runbook storefront "Storefront release" {}

let registry = "registry.acme.example"
channel room: slak {}
metric error_rate: percent { run "error-rate"; unit = percent }

phase deployment: live "Deployment" {
  step deploy "Deploy" {
    run "docker pull ${regstry}/app"
    undo { run "docker pull ${registry}/app:old" }
  }
  step deploy "Again" {
    run "restart"
    timeout = 5m
    undo none "x"
  }
}

trigger errors { when eror_rate > 5% for 2m }
on completd { notify rom "done" }
