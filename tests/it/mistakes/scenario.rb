runbook r "R" {}
var env: string = "production"
channel room: console {}
metric errors: percent { run "./errors.sh"; unit = percent; every = 10s; target < 1% }
role lead { members = ["lead@acme.example"]; reach = [room] }

phase readiness: prepare "Readiness" {
  checklist ready "Ready" { item tests "Tests" { by lead } }
  approve go "Go" { by lead }
}

phase deployment: live "Deployment" {
  for n in [1, 2] {
    step pod { run "./deploy.sh ${n}"; undo { run "./back.sh ${n}" } }
  }
  gate fine { run "true" }
}

trigger high { when errors > 5% for 1m }

comms {
  notify room "Without a moment"
  notify room "Too early" at T-48h
  notify room "At what?" from podd.done
  every 100ms from pod until done { notify room "x" }
  every 10m from deployment { }
}

scenario one "One" {
  given env = 3
  given errors = 0.2
  given errors every 1m = [0.2% x21, 7, none x2]
  given errors every 1m = []
  given room = "x"
  given nothing = 1
  given step pod.3 takes 2m
  given step pod.1 inconclusive
  given gate pod fails
  given notify rom fails
  at T+5m errors = 7s
  at T+5m approve ready
  at T+5m tick ready
  at T+5m tick ready.test
  at T+5m fire
  expect rolled_back before 5m
  expect undone [pod.2, deployment]
  expect notified lead
  expect asked room
  expect completed
}
scenario one "Again" { expect step pod started at T+0; expect duration < T+5m }
