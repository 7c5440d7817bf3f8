# allow(RB017): the messages are about the rest
runbook r "R" {}
channel room: console {}
role lead "Lead" { members = ["lead@acme.example"]; reach = [romm] }
role second { members = ["lead@acme.example"]; reach = [room] }
role empty { contact = { chat = "#x" } }
role rota { reach = [room]; duty "ana" from T-1d to T+3d; away "ana@acme.example" from 2025-12-01 to 2025-11-01 }
escalation chain { level lead; level second within 5m else stop }
escalation none_at_all {}

phase readiness: prepare "Readiness" {
  checklist ready within 20h else rollback {
    item tests { run "make test"; by lead }
    item tests "Again" { by "lead" }
    item sent { http POST "https://api.acme.example/send" }
    step x { run "true" }
  }
  checklist nothing "Nothing" {}
  approve go
  approve twice "Twice" { by all [lead, second]; within 30m escalate chian else stop; on denied continue }
  confirm alone "Alone" { by empty; within 5m }
  question how: url "How?" { by 3 of [lead, second]; on denied stop }
  approve unquoted "Unquoted" { by [lead, second] }
}

phase deployment: live "Deployment" {
  step deploy {
    run "./deploy.sh"
    undo { run "./back.sh" }
    within 10m else pause for lead
    on failure pause for lead within 5m else stop
  }
}

trigger t { when deploy runs 10m; ask lead within 5m; by lead }
trigger nobody { manual by empty }
on started { notify room "Started" }

phase spoken: live {
  step say { run "true"; undo none "x" }
  approve words "Words" { by lead or second }
  confirm both "Both" { by lead and second; within 5m else rollback }
}
trigger loud { when say runs 5m; ask lead, second within 5m else rollback }
