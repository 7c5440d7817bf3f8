# allow(RB017): the messages are about the rest
runbook r "R" { timezone = "Europe/Berlin" }
release { strategy = canary; start = 2025-12-26T10:00:00+01:00 }
source prod: promethius { url = "https://prometheus.acme.example" }
source two: prometheus {}
flags launch: command { get = run "./flag.sh get"; set = "./flag.sh set ${share}" }
router edge: haproxy { socket = "/run/haproxy.sock"; backnd = "shop" }
router plain {}
hosts web: ssh { user = "deploy" }
flag search "Search" { default = true }
window nights { days = [mon, "tue"]; from = 22:00; to = 04:00; timezone = "Europe/Berln" }
blackout xmas "Christmas" { from = 2025-12-24; to = 2025-12-26 }
blackout never { from = 12h }
metric errors: percent { source = two; run "x"; unit = ratio; baseline = 24h }
metric slow: duration { query = "p95"; unit = s; path = "$.x" }

phase deployment: live "Deployment" at T+0 in nights within 2h else rollback {
  step move { shift edge to 120%; shift search to 5%; set search to 3; set edge to on }
  step one on web { run "true ${host.nam}"; undo none "x"; batch = 3; max_failures = 1 }
  step two_steps { run "true ${host.name}"; undo none "x"; batch = 10% }
  ramp canary: edges "Canary" through [10%, 5%] { hold for 5m; step x { run "true" } }
  ramp flagged: errors
  parallel lanes { step alone { run "true"; undo none "x" } }
  step fine { run "true"; undo none "x"; done when {} }
}

trigger errors_high { when errors > 5% for 1m; then off_again }
response off_again "Off" { set search to off }
response round within 5m else again { set search to off; step x { run "true"; undo { run "y" } } }
response again within 5m else round { run "true" }
