# What all releases of the organisation share: who is who and how they are reached, when nobody releases, what an
# incident means, where the numbers come from, and what is looked at everywhere.
#
#   runbook check runbooks/lib/organisation.rb
#
# A runbook that says `import "lib/organisation.rb"` at its top knows all of it by name.

# allow(RB017): written for the whole language; this version checks it and runs it as its parts arrive
var version: semver { describe "The version that is released" }
var env: string = "production" { one_of = ["staging", "production"] }

let base_url: url = "https://api.${env}.acme.example"

secret slack_token = getenv("SLACK_TOKEN")
secret pager_key = getenv("PAGERDUTY_ROUTING_KEY")
secret status_token = exec("vault kv get -field=token secret/statuspage")
secret unleash_token = getenv("UNLEASH_TOKEN")
secret smoke_password = file("/run/secrets/smoke-password")

link guide "Release and deployment guide" "https://wiki.acme.example/release-guide"
link calendar "Release calendar" "https://calendar.acme.example/releases"
link issues "Report an issue" "https://issues.acme.example/new"

# ── Where it is said ─────────────────────────────────────────────────────────────────────────────────────

channel releases: slack "Releases, for engineering, product and support" {
  token = slack_token
  room  = "#releases"
}

channel incidents: slack "Incidents, for whoever is on call" {
  token = slack_token
  room  = "#incidents"
}

channel war_room: slack "The room of this release, for those who take part" {
  token   = slack_token
  room    = "#release-v${version}"
  create  = true
  archive = T+24h
}

channel oncall: pagerduty "The pager" { routing_key = pager_key }

channel mail: email "Stakeholders" {
  smtp = "smtp://mail.acme.example:25"
  from = "releases@acme.example"
  to   = ["engineering@acme.example", "product@acme.example", "sales@acme.example"]
}

channel support: email "Support and customer success" {
  smtp = "smtp://mail.acme.example:25"
  from = "releases@acme.example"
  to   = ["support@acme.example", "customer-success@acme.example"]
}

channel execs: email "Executives" {
  smtp = "smtp://mail.acme.example:25"
  from = "releases@acme.example"
  to   = ["executives@acme.example"]
}

channel customers: email "Customers who asked for news" {
  smtp = "smtp://mail.acme.example:25"
  from = "news@acme.example"
  to   = ["release-news@acme.example"]
}

channel status: statuspage "The public status page" {
  page  = "kctbh9vrtdwd"
  token = status_token
}

# ── Who ──────────────────────────────────────────────────────────────────────────────────────────────────

role release_manager "Release manager" {
  members = ["release-manager@acme.example"]
  backup  = ["release-manager-backup@acme.example"]
  reach   = [mail, war_room]
  contact = { phone = "+1 555 0100", slack = "#releases" }
  describe "Plans and coordinates the release, keeps the calendar, decides go or no-go, leads a rollback, follows the metrics"
}

role product_owner "Product owner" {
  members = ["product-owner@acme.example"]
  reach   = [mail]
  contact = { slack = "#product" }
  describe "Approves scope and priorities, validates the acceptance criteria, tells stakeholders what it is worth"
}

role qa_lead "QA lead" {
  members = ["qa-lead@acme.example"]
  reach   = [mail, war_room]
  contact = { slack = "#quality" }
  describe "Signs off the tests, judges readiness by quality, coordinates the acceptance tests"
}

role tech_lead "Tech lead" {
  members = ["tech-lead@acme.example"]
  backup  = ["tech-lead-backup@acme.example"]
  reach   = [mail, war_room]
  contact = { phone = "+1 555 0101", slack = "#engineering" }
  describe "Reviews technical readiness and risks, sees that the procedures are tested, works with infrastructure"
}

role devops "DevOps" {
  members = ["devops@acme.example"]
  reach   = [mail, war_room]
  contact = { slack = "#devops" }
  describe "Runs the deployment, watches production, changes infrastructure"
}

role dba "Database" {
  members = ["dba@acme.example"]
  backup  = ["dba-backup@acme.example"]
  reach   = [mail, war_room]
  contact = { slack = "#database" }
  away "dba@acme.example" from 2030-08-05 to 2030-08-16
}

role security_lead "Security" {
  members = ["security@acme.example"]
  reach   = [mail]
  contact = { phone = "+1 555 0102", slack = "#security" }
}

role support_lead "Support" {
  members = ["support-lead@acme.example"]
  reach   = [mail]
  contact = { slack = "#support" }
  describe "Knows what users see and how many of them"
}

role marketing "Marketing" {
  members = ["marketing@acme.example"]
  reach   = [mail]
  contact = { slack = "#marketing" }
}

role executive "Executive stakeholder" {
  members = ["cto@acme.example"]
  reach   = [execs]
  contact = { phone = "+1 555 0103" }
}

role primary_oncall "On call" {
  members = ["oncall@acme.example"]
  backup  = ["oncall-secondary@acme.example"]
  reach   = [oncall]
  contact = { phone = "+1 555 0104", slack = "#oncall" }
  duty "oncall-release@acme.example" from T-1d to T+3d
}

role oncall_lead "On-call lead" {
  members = ["oncall-lead@acme.example"]
  reach   = [oncall, mail]
  contact = { phone = "+1 555 0105", slack = "#oncall" }
}

escalation chain { level primary_oncall within 15m; level tech_lead within 30m; level executive }

# ── When ─────────────────────────────────────────────────────────────────────────────────────────────────

window release_hours "Release hours" {
  days     = [mon, tue, wed, thu]
  from     = 06:00
  to       = 16:00
  timezone = "America/Los_Angeles"
}

blackout half_year "Half-year close" {
  from   = 2030-06-28
  to     = 2030-07-02
  reason = "Finance closes the books"
}

blackout thanksgiving "Thanksgiving and Black Friday" {
  from   = 2030-11-25
  to     = 2030-12-02
  reason = "The busiest week of the shops"
}

blackout year_end "End of the year" {
  from   = 2030-12-16
  to     = 2031-01-03
  reason = "Few people are there to answer"
}

# ── What an incident means ───────────────────────────────────────────────────────────────────────────────

severity sev1 "Critical: production is down, data are lost, or security is broken" {
  then rollback
  notify       = [oncall, incidents, execs]
  commander    = release_manager
  update_every = 15m
}

severity sev2 "High: a major function is gone, it is much slower, or more than half of the users are hit" {
  ask any [release_manager, oncall_lead] within 15m else rollback
  notify       = [oncall, incidents, execs]
  commander    = release_manager
  update_every = 15m
}

severity sev3 "Medium: partly impaired, with a way around; fixed forward" { then continue; notify = [incidents] }
severity sev4 "Low: cosmetic; fixed in the next release" { then continue; notify = [releases] }

trigger breach "The release opens a security hole" {
  manual by any [primary_oncall, oncall_lead, security_lead]
  severity = sev1
}

trigger broken "Critical functionality is broken" {
  manual by any [primary_oncall, tech_lead, support_lead]
  severity = sev1
}

# ── What is looked at everywhere ─────────────────────────────────────────────────────────────────────────

source prod: prometheus { url = "https://prometheus.acme.example" }

flags launch: unleash {
  url         = "https://unleash.acme.example/api"
  token       = unleash_token
  project     = "default"
  environment = env
}

metric error_rate: percent "Error rate" {
  source   = prod
  query    = """sum(rate(http_requests_total{code=~"5.."}[1m])) / sum(rate(http_requests_total[1m]))"""
  unit     = ratio
  every    = 15s
  baseline = 24h
  floor    = 0.1%
  target   < 1%
  warn     > 1%
  critical > 5%
}

metric p95: duration "95th percentile of the response time" {
  source   = prod
  query    = "service:latency:p95_1m"
  unit     = s
  every    = 15s
  baseline = 24h
  floor    = 50ms
  target   < 200ms
  warn     > 500ms
  critical > 1s
}

gate healthy "Every part answers" {
  with url = base_url
  within 3m
  every = 10s
  pass after 3 in a row
  http GET "${url}/health" {
    expect status == 200
    expect json("$.status") == "ok"
    expect json("$.database") == "ok"
    expect latency < 500ms
  }
}

gate smoke "A user can log in, read and write" {
  with url = base_url
  within 3m
  every = 15s
  fail after 3 failures
  http POST "${url}/auth/login" {
    reads = true
    json  = { email = "smoke@acme.example", password = smoke_password }
    capture token: secret = json("$.access_token")
  }
  expect token != ""
  http GET "${url}/users" { header = { Authorization = "Bearer ${token}" } }
  http POST "${url}/self-test" {
    reads  = true
    header = { Authorization = "Bearer ${token}" }
    expect json("$.read") == "ok"
    expect json("$.write") == "ok"
    expect json("$.payments") == "ok"
    expect json("$.mail") == "ok"
  }
  http GET "${url}/assets/app.css" { expect header("content-type") =~ "text/css" }
  http GET "${url}/no-such-page" { expect status == 404 }
}

gate promote "The next ones may have it" {
  within 10m
  every = 1m
  expect error_rate < baseline + 1pp
  expect p95 < baseline + 10%
}

gate cluster "The cluster is ready" { run "kubectl get --raw /readyz" }

gate data_intact "The data are whole" {
  within 2m
  every = 20s
  run "./scripts/verify-data-integrity.sh ${env}"
}
