# Three weeks of one release in one file: freeze, tests, staging and approvals, then Blue-Green with a canary phase,
# feature flags that open over a day, three tiers of reasons to go back, four ways back, and what is done afterwards.
#
#   runbook check runbooks/blue_green.rb

# allow(RB017): written for the whole language; this version checks it and runs it as its parts arrive
runbook blue_green "Storefront release, Blue-Green" {
  owner    = "team-storefront"
  timezone = "UTC"
  lock     = ["storefront-${env}", "shared-db-${env}"]
  inherit  = ["KUBECONFIG"]
  report   = "reports/storefront-${version}.md"
  describe "Other teams share the database: the lock keeps their releases away."
}

release {
  version  = version
  previous = "2.4.3"
  kind     = minor
  strategy = blue_green
  manager  = release_manager
  start    = 2027-02-16T07:00:00Z
  downtime = 0s
  describe """
    Blue-Green, with a canary phase at the switch: one move leads back, Green is tested whole before it has users,
    and nothing is down. It costs a second set of machines for two days.
    Rolling: no, mixed versions would complicate the migration. Canary alone: safest, and the most work; its stages are
    in the switch. Feature flags: yes, they open what is new after the switch. Recreate: no, it means downtime.
    """
  goal "99 of 100 payments succeed through the new gateway in the first week"
  goal "A quarter of the users has seen the new dashboard after three days"
  follow_up "Drop the old columns, in a minor release of its own" at T+14d
}

var version: semver = "2.5.0" { describe "The version that is released" }
var env: string = "production" { one_of = ["staging", "production"] }
var maintenance: bool = false { describe "Whether the shop is closed while the migration runs" }

let base_url: url = "https://www.${env}.storefront.example"
let blue_url: url = "https://blue.${env}.storefront.example"
let green_url: url = "https://green.${env}.storefront.example"
let staging_url: url = "https://green.staging.storefront.example"
let sockets = { staging = "/run/haproxy/staging.sock", production = "/run/haproxy/production.sock" }
let smtp: url = "smtp://mail.storefront.example:587"
let sender: email = "release@storefront.example"

secret slack_token = getenv("SLACK_TOKEN")
secret pager_key = getenv("PAGERDUTY_ROUTING_KEY")
secret status_token = getenv("STATUSPAGE_TOKEN")
secret unleash_token = getenv("UNLEASH_TOKEN")

fact active: string = run "./scripts/active-colour.sh ${env}"

link dashboard "Release dashboard" "https://grafana.storefront.example/d/release"
link video "Video room" "https://meet.storefront.example/release"
link video_backup "Video room, if the first one fails" "https://jitsi.storefront.example/release"
link cloud "Support of the cloud provider" "https://support.cloud.storefront.example"

channel room: slack "War room: everybody in this release" {
  token   = slack_token
  room    = "#release-${version}"
  create  = true
  archive = T+7d
}
channel alerts: slack "Whoever watches the alerts" { token = slack_token; room = "#ops-alerts" }
channel pager: pagerduty "Whoever is on call" { routing_key = pager_key }
channel status: statuspage "Everybody outside" { page = "kctbh9vrtdwd"; token = status_token }
channel mail: email "Engineering" { smtp = smtp; from = sender; to = ["engineering-team@storefront.example"] }
channel staff: email "All staff" { smtp = smtp; from = sender; to = ["everybody@storefront.example"] }
channel support: email "Support" { smtp = smtp; from = sender; to = ["support@storefront.example"] }
channel customers: email "Customers" { smtp = smtp; from = sender; to = ["customers@storefront.example"] }

source prod: prometheus { url = "https://prometheus.${env}.storefront.example" }
flags launch: unleash {
  url         = "https://unleash.storefront.example/api"
  token       = unleash_token
  project     = "storefront"
  environment = env
}
router edge: haproxy { socket = sockets[env]; backend = "storefront"; old = "blue"; new = "green" }

# ── Who ──────────────────────────────────────────────────────────────────────────────────────────────────

role release_manager "Release manager" {
  members = ["release-manager@storefront.example"]
  backup  = ["platform-lead@storefront.example"]
  reach   = [mail, room]
  contact = { phone = "+1 555 0100", chat = "#releases" }
  describe "Coordinates, decides on go and no-go. 20 hours a week while planning, full-time in the release week"
}
role tech_lead "Technical lead" {
  members = ["tech-lead@storefront.example"]
  backup  = ["architect@storefront.example"]
  reach   = [room, pager]
  describe "Decides technical questions, rolls back without asking. Half of the time while planning, then all of it"
}
role devops "DevOps" {
  members = ["devops@storefront.example"]
  backup  = ["devops-second@storefront.example"]
  reach   = [room]
  describe "Deploys, watches, rolls back. Full-time on the day, on call for 72 hours"
}
role dba "Database" {
  members = ["dba@storefront.example"]
  backup  = ["dba-second@storefront.example"]
  reach   = [room, pager]
  describe "Migrates, backs up, restores. Present at the deployment, 4 hours a day in the release week"
}
role qa_lead "Quality, with three testers" { members = ["qa-lead@storefront.example"]; reach = [mail, room] }
role security_engineer "Security" {
  members = ["security@storefront.example"]
  backup  = ["security-second@storefront.example"]
  reach   = [mail, room]
  away "security@storefront.example" from T-5d to T-3d
}
role support_lead "Support, two on standby" { members = ["support-lead@storefront.example"]; reach = [mail, room] }
role product_manager "Product" { members = ["product@storefront.example"]; reach = [mail, room] }
role engineering_manager "Engineering" { members = ["engineering@storefront.example"]; reach = [mail, room] }
role cto "CTO" { members = ["cto@storefront.example"]; reach = [mail] }
role stakeholders "Stakeholders and beta users" { members = ["stakeholders@storefront.example"]; reach = [mail] }
role primary_oncall "First on call" {
  members = ["oncall@storefront.example"]
  reach   = [pager, room]
  contact = { phone = "+1 555 0110", mail = "oncall@storefront.example", chat = "#oncall" }
  duty "release-oncall@storefront.example" from T-1d to T+3d
}
role secondary_oncall "Second on call" {
  members = ["oncall-second@storefront.example"]
  reach   = [pager]
  duty "release-oncall-second@storefront.example" from T-1d to T+3d
}
role ir_firm "Incident response firm" {
  contact = { phone = "+1 555 0190" }
  describe "For a SEV 1 and a rollback that is stuck; there day and night, by the hour"
}
role cloud_support "Cloud provider, enterprise plan: machines that fail" { contact = { phone = "+1 555 0191" } }

escalation chain {
  level any [primary_oncall, secondary_oncall] within 15m
  level tech_lead within 30m
  level engineering_manager within 1h
  level cto
}

window mornings { days = [mon, tue, wed, thu]; from = 06:00; to = 12:00 }
blackout holiday "Presidents' Day" { from = 2027-02-15; to = 2027-02-15 }
blackout sale "Spring sale" { from = 2027-03-19; to = 2027-03-23 }

# ── What ─────────────────────────────────────────────────────────────────────────────────────────────────

scope {
  feature "New payment gateway" {
    ticket = "SHOP-2101"
    owner  = "payments-team"
    describe "Fewer declined cards. Ready; needs the contract with the processor"
  }
  feature "Redesigned dashboard" { ticket = "SHOP-2087"; owner = "frontend-team" }
  feature "Advanced analytics for premium plans" { ticket = "SHOP-2090"; owner = "analytics-team" }
  fix "Orders are no longer charged twice after a timeout" {
    ticket = "SHOP-2133"
    describe "Critical. Some 40 customers a week were hit; tested by replaying their orders on staging"
  }
  improvement "Guidance in the app for the new dashboard"
  performance "Order list: 450 ms → 150 ms"
  security "Session cookies are bound to the device"
  technical "Machines scale by queue length"
  breaking "GET /api/v1/orders answers in pages" { migration = "follow `next`"; describe "Large accounts timed out" }
  deprecation "API v1" { removed_in = "3.0.0"; alternative = "API v2"; describe "In six months" }
  database "Columns for the gateway" { describe "Backward compatible: the old version does not see them" }
  known_issue "Analytics lag behind orders by ten minutes" { workaround = "reload the report" }
  out_of_scope "Payments in instalments"
}

risk migration_fails "The migration fails: downtime or corrupt data" {
  probability = 30%
  impact      = high
  owner       = dba
  mitigation  = ["tested on a copy of production", "two backups", "most of it a day ahead", "a DBA is there"]
  contingency = ["over 45 minutes: back", "corrupt data: restore, postpone", "half done: by hand with the DBA"]
  criteria    = [acceptance.migrated, acceptance.restored, rollback_ready, go_no_go.team]
  covered_by  = [migrate, slow_migration, data_intact, corrupt, corruption]
  describe "Signs: complex changes, millions of rows, several instances, little room to go back"
}
risk payments_fail "The new gateway loses transactions" {
  probability = 40%
  impact      = critical
  owner       = product_manager
  mitigation  = ["behind a flag", "5 %, 25 %, 50 %, 100 %", "the old processor stays", "the success rate is watched"]
  contingency = ["more than 2 % fail: flag off", "that does not help: roll everything back"]
  criteria    = [code_freeze.integration, acceptance.switched_off, acceptance.fallback, paperwork.briefed]
  covered_by  = [payments_failing, payments_down, payments_ok]
}
risk slower "The new features slow the shop down" {
  probability = 20%
  impact      = medium
  owner       = devops
  mitigation  = ["load test at 150 %", "indexes, caches, scaling"]
  contingency = ["p99 twice as high: look, then flags off, then back"]
  criteria    = [testing.load, acceptance.alerted]
  covered_by  = [slowing, slow_severe, slow_linger]
}
risk exploited "A vulnerability ships" {
  probability = low
  impact      = critical
  covered_by  = [testing, green_scan, breach]
}
risk api_breaks "Paging breaks clients" { probability = high; impact = medium; covered_by = [journeys, errors_high] }
risk confused "Users are lost in the dashboard" { probability = medium; impact = low; covered_by = [complaints] }
risk libraries "Updated libraries do not fit" { probability = medium; impact = medium; contingency = ["pin them"] }
risk documents "Documentation is incomplete" { probability = low; impact = low; mitigation = ["it is reviewed"] }
risk looks "Small visual faults" { probability = low; impact = low; contingency = ["the next hotfix"] }

flag payment_gateway_v2 "New payment gateway" {
  in      = launch
  default = off
  owner   = "payments-team"
  describe "Since 2027-01-15. Off means the old processor, at once"
}
flag new_dashboard "Redesigned dashboard" { in = launch; default = off; owner = "frontend-team" }
flag advanced_analytics "Advanced analytics" { in = launch; default = off; owner = "analytics-team" }

# ── What is measured ─────────────────────────────────────────────────────────────────────────────────────

metric error_rate: percent "Error rate" {
  source   = prod
  query    = """sum(rate(http_requests_total{code=~"[45].."}[1m])) / sum(rate(http_requests_total[1m]))"""
  unit     = ratio
  every    = 15s
  baseline = 24h
  floor    = 0.1%
  target   < 0.5%
  warn     > 1%
  critical > 5%
}
# Points an hour by which the error rate rises.
metric error_trend: number { source = prod; query = "360000 * deriv(shop:errors:ratio[1h])"; target < 0.1 }
metric errors_5xx: percent { source = prod; query = "shop:errors_5xx:ratio"; unit = ratio; target < 0.5% }
metric timeouts: percent { source = prod; query = "shop:timeouts:ratio"; unit = ratio; target < 1% }
metric available: percent { source = prod; query = "shop:critical_up:ratio"; unit = ratio; target > 99.9% }
metric logins: percent { source = prod; query = "shop:logins_ok:ratio"; unit = ratio; target > 99% }
metric payment_success: percent { source = prod; query = "shop:payments_ok:ratio"; unit = ratio; target > 99% }
metric p50: duration { source = prod; query = "shop:p50"; unit = s; baseline = 24h; target < 200ms }
metric p95: duration { source = prod; query = "shop:p95"; unit = s; baseline = 24h; target < 400ms }
metric p99: duration { source = prod; query = "shop:p99"; unit = s; baseline = 24h; target < 800ms }
metric throughput: rate { source = prod; query = "shop:requests:rate"; baseline = 24h; target > 200/s }
metric db_latency: duration { source = prod; query = "shop:db:p95"; unit = s; baseline = 24h; target < 20ms }
metric pool: percent { source = prod; query = "shop:db_pool:ratio"; unit = ratio; baseline = 24h; target < 60% }
metric cpu: percent { source = prod; query = "shop:cpu:ratio"; unit = ratio; baseline = 24h; target < 60% }
metric pipeline: rate { source = prod; query = "shop:events:rate"; target > 50/s }
metric conversion: percent { source = prod; query = "shop:conversion:ratio"; unit = ratio; baseline = 24h; target > 3% }
metric volume: rate { source = prod; query = "shop:orders:rate"; baseline = 24h; target > 5/s }
metric engagement: number { source = prod; query = "shop:pages_per_visit"; baseline = 24h; target > 6 }
metric adoption: percent { source = prod; query = "shop:new_dashboard:ratio"; unit = ratio; target > 20% }
metric tickets: count { run "./scripts/tickets.sh open ${version}"; every = 5m; target < 20 }
metric critical_logs: count { run "./scripts/critical-lines.sh ${env} green"; every = 30s; target <= 0 }

# ── What is looked at ────────────────────────────────────────────────────────────────────────────────────

gate healthy "An instance answers" {
  with url = base_url
  within 5m
  every = 10s
  pass after 3 in a row
  http GET "${url}/health" { expect status == 200; expect json("$.status") == "ok" }
}
gate blue_healthy "Blue is healthy" { within 30s; every = 5s; gate healthy with url = blue_url }
gate smoke "The smoke test passes" { with url = base_url; within 3m; every = 15s; run "./scripts/smoke.sh ${url}" }
gate journeys "Login, purchase, API, jobs, mail, third parties" {
  within 10m
  every = 1m
  gate smoke
  run "./scripts/journey.sh ${env} purchase"
  http GET "${base_url}/api/v2/status"
  run "./scripts/journey.sh ${env} jobs mail third-parties"
}
gate data_intact "The data are whole" { within 5m; every = 20s; run "./scripts/verify-data.sh ${env}" }
gate promote "A stage is good enough for the next one" {
  within 5m
  every = 15s
  pass after 3 in a row
  expect error_rate < baseline + 1pp
  expect p99 < baseline + 10%
  expect critical_logs == 0
  expect payment_success > 98.5%
  gate healthy
}
gate payments_ok "Payments succeed" {
  within 4m
  every = 15s
  expect payment_success > 98%
  run "./scripts/processor.sh ${env} status"
}
gate recovered "As it was before" {
  within 2m
  every = 10s
  expect error_rate < 5%
  expect p99 < 2x baseline
  expect db_latency < 2x baseline
  gate healthy
}

# ── The timeline: two weeks before ───────────────────────────────────────────────────────────────────────

phase freeze_week: prepare "Code freeze" at T-14d {
  owner = tech_lead
  checklist code_freeze "Code freeze" within 3d else stop {
    item complete "Development is complete and merged" { by tech_lead }
    item reviewed "Every change is reviewed" { by tech_lead }
    item unit "Unit tests pass; the coverage report is kept" { run "./scripts/ci.sh ${version} unit" }
    item integration "Integration tests pass" { run "./scripts/ci.sh ${version} integration" }
    item documented "Documentation is updated, notes are drafted" { by product_manager }
  }
}

phase qa_week: prepare "Quality" at T-10d {
  owner = qa_lead
  describe "A small fault is mended in two or three days; a large one stays behind its flag, or there is a new date."
  checklist testing "Tests" within 2d else stop {
    item regression "Regression, all cases" { run "./scripts/ci.sh ${version} regression" }
    item load "150 % of the expected traffic" { run "./scripts/load-test.sh staging 150" }
    item scan "Security: nothing high or critical, OWASP Top 10" { run "./scripts/scan-result.sh ${version}" }
    item access "Accessibility, browsers, mobile" { by qa_lead }
    item blockers "No bug that is critical or high is open" { run "./scripts/bugs.sh none-open ${version}" }
  }
}

phase staging: prepare "Staging" at T-7d {
  owner = devops
  step stage "Reserve staging, deploy, migrate" {
    within 3h
    takes = 50m
    run "./scripts/staging.sh reserve 2d"
    run "./scripts/deploy.sh staging green ${version}"
    run "./scripts/migrate.sh staging"
  }
  gate smoke with url = staging_url
  checklist acceptance "Acceptance and rehearsal" within 1d else stop {
    group "Acceptance" {
      item uat "New features are accepted" {
        by all [product_manager, stakeholders]
        describe "Usability, workflows, perceived speed, documentation"
      }
      item migrated "The migration ran on a copy of production" { by dba }
      item alerted "Alerts and dashboards are there and work" { run "./scripts/alerts.sh test staging" }
      item walkthrough "This runbook was walked through" { by devops }
    }
    group "The way back" {
      item drill "Switched and switched back" { expect last_rollback("staging") < 30d }
      item restored "A backup was restored" { by dba }
      item switched_off "The flags were switched off" { by devops }
      item fallback "The old processor took over" { by devops }
      item trained "Messages are read, procedures are known" { by release_manager }
    }
  }
}

phase approval: prepare "Approvals" at T-5d {
  owner = release_manager
  approve risks_reviewed "Risks, reviewed again at T-1d" { by all [tech_lead, product_manager]; within 1d else stop }
  checklist paperwork "Before the board" within 1d else stop {
    item notes "Release notes, the blog post and messages to customers are final" { by product_manager }
    item briefed "Support is briefed" { by support_lead }
    item oncall "On call is manned" { by any [primary_oncall, secondary_oncall] }
    item budget "Budget: Green for two days, load tests, backups, outside help" { by engineering_manager }
  }
  approve way_back "The way back; tested again in a quarter" at T-3d { by all [dba, devops]; within 12h else stop }
  approve security_ok "Security" { by security_engineer; within 12h else stop }
  approve cab "Change board" at T-2d {
    by all [engineering_manager, product_manager, security_engineer, cto when release.kind == major]
    within 12h else stop
    on denied stop
  }
}

# ── The timeline: the day before, the day, and three days ────────────────────────────────────────────────

phase schema: live "Schema, ahead of the code" at T-24h within 6h else rollback {
  owner = dba
  for part in ["columns", "indexes", "backfill"] {
    step expand "Schema: ${part}" {
      within 2h
      takes = 30m
      run "./scripts/expand.sh ${env} ${part}"
      undo none "it only adds; the old version does not see it"
    }
  }
  gate data_intact
}

phase opening: live "06:00 Before the change" at T-1h in mornings within 75m else called_off {
  owner = release_manager
  notify [pager, room] "Release ${release.version} begins" "Live is ${active}. ${link.video}, else ${link.video_backup}"
  step backup "Back up the database" {
    takes = 10m
    run "./scripts/backup.sh ${env} --name=pre-${version}"
    undo none "a backup changes nothing"
  }
  gate rollback_ready "The way back is open" {
    within 5m
    run "./scripts/verify-backup.sh ${env} --name=pre-${version}"
    gate healthy with url = blue_url
  }
  checklist go_no_go "Go / No-Go" at T-40m within 20m else called_off {
    item results "All approvals are there, test results are acceptable" { by release_manager }
    item team "The team is there, no holiday and no event" { by release_manager }
    item alone "Nobody else changes anything" { by devops }
    item flags "The gateway is off" { expect payment_gateway_v2 == off }
  }
  approve go "Go" at T-15m {
    by all [release_manager, tech_lead]
    # allow(RB706): whoever has not answered until then has said no; the chain is for what can wait
    within 15m escalate chain else called_off
    on denied called_off
  }
}

phase migration: live "07:00 Migration" at T+0 in mornings within 1h else rollback {
  owner = dba
  step maintenance_on "Close the shop" when maintenance {
    takes = 10s
    run "./scripts/maintenance.sh ${env} on"
    undo { takes = 10s; run "./scripts/maintenance.sh ${env} off" }
  }
  step last_backup "Back up again, right before" {
    takes = 5m
    run "./scripts/backup.sh ${env} --name=last-${version}"
    undo none "a backup changes nothing"
  }
  step migrate "Migrate the database" {
    within 45m else rollback
    takes = 30m
    run "./scripts/migrate.sh ${env}"
    on failure pause for dba within 30m else rollback
    undo none "backward compatible: the old version works with the new schema"
  }
  gate data_intact
  step maintenance_off "Open the shop" when maintenance {
    takes = 10s
    run "./scripts/maintenance.sh ${env} off"
    undo { takes = 10s; run "./scripts/maintenance.sh ${env} on" }
  }
}

phase green_side: live "07:30 Green" in mornings within 1h else rollback {
  owner = devops
  step green "Deploy to app-green-1, app-green-2 and app-green-3" {
    takes = 10m
    run "./scripts/deploy.sh ${env} green ${version}"
    retry 1 every 30s
    undo none "Green has no users; it stays as it is for whoever looks for the cause"
  }
  gate healthy with url = green_url
  gate smoke with url = green_url
  gate green_scan "Security scan of Green" { within 10m; run "./scripts/scan.sh ${green_url}" }
  gate green_fast "As fast as Blue" { within 5m; run "./scripts/compare-latency.sh ${blue_url} ${green_url}" }
  confirm spot_checks "Spot checks on Green" { by qa_lead; within 15m else rollback }
}

phase cutover: live "08:00 Switch" at T+1h in mornings within 3h else rollback {
  owner = devops
  ramp canary: edge "From Blue to Green" through [10%, 50%, 100%] {
    hold for 15m { expect error_rate < baseline + 2pp }
    gate promote
    hold for 15m { expect error_rate < baseline + 2pp }
    gate promote
    on failure canary_back
  }
  step drain "Let the sessions on Blue end" {
    takes = 2m
    shift edge to 100% { drain = 2m }
    undo none "the switch itself is undone, in one move"
  }
}

phase validation: live "09:30 Validation" in mornings within 90m else rollback {
  owner = qa_lead
  gate journeys
  checklist by_hand "By hand" within 30m else rollback {
    item features "The new features work" { by qa_lead }
    item screens "Dashboards look right, logs are quiet" { by devops }
  }
  gate settled "Good enough to be announced" {
    within 10m
    every = 30s
    pass after 3 in a row
    expect error_rate < baseline + 1pp
    expect p95 < baseline + 10%
    expect available > 99%
  }
}

phase watch: live "72 hours" {
  owner = devops
  describe "The gateway opens over sixteen hours; Blue is kept for a day."
  hold first_hours "The first hours" until T+4h { expect error_rate < baseline + 1pp }
  parallel day_one "Day 1" {
    phase opening_up "What is new is opened" {
      step analytics "Analytics for premium plans" { set advanced_analytics to on for segment("premium") }
      ramp quarter: new_dashboard "Dashboard for a quarter" through [25%] {
        hold for 1h
        gate promote
        on failure pause for any [tech_lead, product_manager] within 30m else flags_off
      }
      ramp payments: payment_gateway_v2 "Gateway" through [5%, 25%, 50%, 100%] {
        hold for 4h
        gate promote
        on failure payment_flag_off
      }
      hold first_day "The rest of the day" until T+28h { expect error_rate < baseline + 1pp }
    }
    checklist announced "What has no interface" within 4h else continue {
      item posts "Blog and social media" { by product_manager }
      item site "Documentation site" { by product_manager }
    }
    checklist cared_for "Care" within 1d else continue {
      item triage "Issues are sorted at once, a hotfix could go out" { by devops }
      item feedback "Tickets are read, feedback is collected" { by support_lead }
    }
  }
  step blue_off "Give the machines of Blue back" {
    takes = 5m
    run "./scripts/colour.sh ${env} off blue"
    irreversible "Blue is gone: to go back, it must be built again"
  }
  hold later_days "Days 2 and 3" until T+100h {
    expect error_rate < baseline + 1pp
    expect conversion > 0.8x baseline
  }
}

phase care: after "Aftercare" {
  checklist retro "Retrospective" at T+7d within 3d else continue {
    describe "What went well, what could be better, what is next; management, engineering, quality, DevOps, product"
    item minutes "Notes, recommendations, the risks that came true" { by release_manager }
    item actions "Actions, each with an owner" { by release_manager }
    item process "The process and this runbook are updated" { by devops }
  }
}

# ── Who hears what, and when ─────────────────────────────────────────────────────────────────────────────

comms {
  every 7d from T-8w until T-1d { notify mail "Risks of ${release.version}" "The weekly review: what has changed?" }
  notify mail "Code freeze" at T-14d "From now on ${release.version} takes fixes only."
  every 1d from T-7d until T-2d { notify room "Tests of ${release.version}: ${execution.progress}" }
  notify staff "Release ${release.version} in a week" at T-7d "${scope.features}"
  notify customers "What is coming" at T-3d "${scope.features}"
  notify room "Release ${release.version}" at T-2d """
    ${format_time(release.start, "%a %d %b %H:%M %Z")}, about ${plan.duration}. The plan: ${plan.link}

    ${scope.features}
    ${scope.fixes}
    ${scope.breaking}
    """
  notify support "Tomorrow: ${release.version}" at T-1d "${scope.known_issues}"
  notify status "Maintenance" at T-1d "Checkout may be slow" {
    state      = scheduled
    from       = T+0
    to         = T+45m
    components = ["Checkout"]
  }
  notify status "Maintenance has begun" at T+0 "We will be brief" { state = in_progress }
  every 30m from opening until watch { notify [room, mail] "${execution.progress}, error rate ${error_rate}" }
  every 10m from migrate until migrate.done { notify room "The migration runs: ${execution.progress}" }
  every 15m from canary until first_hours.done { notify room "Error rate ${error_rate}, p99 ${p99}: ${link.dashboard}" }
  every 1h from first_hours.done until blue_off { notify room "Errors ${error_rate}, payments ${payment_success}" }
  every 4h from later_days until done { notify room "Error rate ${error_rate}, adoption ${adoption}" }
  every 1d from watch until T+3d { notify mail "Status of ${release.version}" "${execution.notes}" }
  notify [customers, staff, room] "${release.version} is here" from first_hours.done "${scope.features}"
  notify status "Done" from first_hours.done "All systems work" { state = completed }
  notify mail "Day 1" at T+1d "Payments ${payment_success}, p50 ${p50}, ${throughput}, CPU ${cpu}"
  notify mail "Retrospective" at T+7d "The notes are in the report of ${execution.id}"
}

# ── Reasons to act: three tiers to go back, and one to know ──────────────────────────────────────────────

severity immediate "Tier 1, SEV 1: at once" {
  then rollback
  notify       = [pager, room]
  update_every = 15m
  commander    = release_manager
}
severity fast "Tier 2, SEV 2: within half an hour" {
  ask any [tech_lead, release_manager] within 10m else rollback
  notify = [pager, room]
}
severity moderate "Tier 3: within two hours, with the stakeholders" {
  ask release_manager within 30m else rollback
  notify = [room, mail]
}
severity notice "SEV 3: tell, and go on" { then continue; notify = [alerts] }

trigger down "No instance answers" { when not healthy for 1m; severity = immediate }
trigger errors_half "Every second request fails" { when errors_5xx > 50% for 1m; severity = immediate }
trigger payments_down "Every second payment fails" { when payment_success < 50% for 1m; severity = immediate }
trigger logins_down "Nobody can log in" { when logins < 10% for 1m; severity = immediate }
trigger pipeline_down "The data pipeline stands still" { when pipeline < 1/min for 2m; severity = immediate }
trigger breach "Security breach" { manual by any [primary_oncall, tech_lead, security_engineer]; severity = immediate }
trigger corrupt "Data are corrupt" {
  when not data_intact for 1m
  severity = immediate
  from migrate
  then with_database
}
trigger corruption "Data are lost or wrong" {
  manual by any [primary_oncall, tech_lead]
  severity = immediate
  from migrate
  then with_database
}

# While the traffic moves nobody is asked.
trigger auto_errors "Errors above 10 %" {
  when error_rate > 10% for 5m
  severity = immediate
  from canary until watch
  no data pause for any [tech_lead, devops] within 10m else rollback
}
trigger auto_endpoints "Critical endpoints fail" {
  when available < 95% for 1m
  severity = immediate
  from canary until watch
}
trigger auto_db "Database slow" { when db_latency > 3x baseline for 5m; severity = immediate; from canary until watch }

trigger errors_high "5xx above 10 %" { when errors_5xx > 10% for 10m; severity = fast }
trigger slow_severe "Very slow" { when (p99 > 3x baseline or timeouts > 20%) for 10m; severity = fast }
trigger journeys_broken "Journeys fail" { when not journeys for 10m; severity = fast; from validation }
trigger database_slow "The database is overloaded" {
  when (db_latency > 5x baseline or pool > 98%) for 10m
  ask tech_lead within 15m else rollback
  notify room "${event.reason}. Is it the deployment, and is there a quick fix?"
}

trigger errors_linger "Errors stay or rise" { when (error_rate > 5% or error_trend > 1) for 1h; severity = moderate }
trigger slow_linger "It stays slow" { when p99 > 2x baseline for 1h; severity = moderate }
trigger business "Customers stay away" {
  when (conversion < 0.8x baseline or volume < baseline - 30% or engagement < 0.7x baseline) for 1h
  severity = moderate
}
trigger complaints "Complaints, small bugs" { manual by any [support_lead, product_manager]; severity = moderate }
trigger tickets_pile "Tickets pile up" { when tickets > 100 for 1h; severity = moderate }

trigger slowing "Twice as slow: is it a flag?" {
  when p99 > 2x baseline for 5m
  from first_hours
  ask tech_lead within 5m else flags_off
  then flags_off
  notify room "${event.reason}"
}
trigger payments_failing "More than 2 % of the payments fail" {
  when payment_success < 98% for 1m
  from payments
  then payment_flag_off
}
trigger slow_migration "The migration takes long" { when migrate runs 30m; severity = notice }
trigger more_errors "More errors than before" { when error_rate > baseline + 2pp for 1m; severity = notice }
trigger more_latency "Slower than before" {
  when p99 > baseline + 20% for 1m
  then continue
  notify [alerts, mail] "p99 is ${p99}: ${link.dashboard}"
}

response payment_flag_off "Back to the old processor" within 5m else rollback {
  set payment_gateway_v2 to off
  run "./scripts/processor.sh ${env} legacy"
  notify [room, support] "Payments go through the old processor" "${event.reason}"
  gate payments_ok
}
response flags_off "Everything new is switched off" within 5m else rollback {
  set payment_gateway_v2 to off
  set new_dashboard to off
  set advanced_analytics to off
  notify room "The flags are off" "${event.reason}"
  hold for 60s { fail after 5 in a row; expect p99 < 2x baseline }
  gate payments_ok
}

# ── Ways back ────────────────────────────────────────────────────────────────────────────────────────────

rollback "Back to Blue" {
  rto = 5m
  notify [room, pager] "Rollback initiated" "${event.reason}. ${event.rollback}, at most ${event.eta}, by ${event.by}."
  notify status "We go back" "There is a problem with our latest update." { state = investigating }
  every 5m { notify room "Rollback in progress: ${execution.progress}" }
  gate blue_healthy
  undo
  hold for 10s
  gate recovered
  notify room "Rollback complete" """
    ${release.previous} serves again. Error rate ${error_rate}, p99 ${p99}.
    Next: the cause, the fix, a new date. The post-mortem is within a week.
    """
  notify status "Resolved" "We are back at the version before and look for the cause." { state = resolved }
  after {
    approve noticed "Customers have noticed, and are told" {
      by support_lead
      within 1h else continue
      on denied continue
    }
    notify customers "Service update" when noticed """
      Our update ${release.version} caused trouble at ${event.time}. We took it back, and no data were lost.
      We are sorry. Questions: support@storefront.example
      """
    checklist evidence "Stable, and kept" within 4h else continue {
      item stable "An hour without more errors" { expect error_rate < baseline + 1pp for 1h }
      item usable "The journeys work, nothing else breaks, the data are whole" { by qa_lead }
      item saved "Logs, graphs and query statistics are saved" { run "./scripts/save-evidence.sh ${env} ${version}" }
    }
    question users_hit: int "How many users were hit?" { by support_lead }
    question orders_hit: int "How many transactions?" { by product_manager }
    question revenue_lost: int "How much revenue, in dollars?" { by product_manager }
    checklist cause "The cause" within 1d else continue {
      item mended "Found, reproduced on staging, mended, with a test for it" { by tech_lead }
      item told "Stakeholders and customers know" { by support_lead }
    }
    checklist postmortem "Post-mortem" within 7d else continue {
      item held "Timeline, impact, cause, lessons, actions with owners" { by release_manager }
      item improved "Checklists, alerts, tests and procedures are better" { by devops }
      item again "Verified on staging, trusted again, with a new date" { by release_manager }
    }
  }
}

rollback called_off "Nobody has seen anything yet" {
  rto = 5m
  undo
  notify [room, mail, status] "Release ${release.version} is postponed" "${event.reason}"
}

rollback canary_back "No more traffic to Green, and a look" {
  rto = 10m
  notify [room, pager] "The canary goes back" "${event.reason}"
  gate blue_healthy
  undo
  hold for 5m { expect error_rate < 5% }
  gate recovered
  notify room "All traffic is on Blue" "Error rate ${error_rate}. ${execution.notes}"
}

rollback with_database "Back with the database" {
  rto = 1h
  notify [room, pager, staff] "Rollback with restore" "${event.reason}. It takes ${event.eta}."
  confirm loss "Everything written since the backup will be lost" { by any [tech_lead, dba]; within 5m }
  step closed "Close the shop" { takes = 10s; run "./scripts/maintenance.sh ${env} on" }
  step halted "Stop all instances" { takes = 1m; run "./scripts/colour.sh ${env} stop all" }
  gate whole "The backup is whole" { within 2m; run "./scripts/verify-backup.sh ${env} --name=last-${version}" }
  step kept "Keep what is there" { takes = 5m; run "./scripts/backup.sh ${env} --name=emergency-${version}" }
  step restored "Restore" {
    within 30m
    takes = 20m
    retry 1 every 10s
    run "./scripts/restore.sh ${env} --name=last-${version}"
  }
  gate data_intact
  step revived "Start the old version" { takes = 3m; run "./scripts/colour.sh ${env} start blue" }
  undo
  step reopened "Open the shop" { takes = 10s; run "./scripts/maintenance.sh ${env} off" }
  gate recovered
  notify [room, status, customers] "${release.previous} serves again" "What you ordered since may have to be repeated."
  after { question rows_lost: int "How many orders were lost?" { by dba; within 1d else continue } }
}

on started { notify [room, alerts] "The live part of ${release.version} begins" }
on completed { notify [room, mail] "${release.version} is done" "${execution.duration}. ${execution.notes}" }
on unhealthy { notify [pager, room] "Rolled back, and errors stay" "${event.reason}, error rate ${error_rate}" }
on paused { notify [pager, room] "The release waits for a person" "${event.reason}" }
on stuck {
  notify [pager, room, staff] "The rollback is stuck" """
    ${event.reason}. A person is needed: ${primary_oncall.contact}
    Cloud: ${link.cloud}, ${cloud_support.contact}. Incident response: ${ir_firm.contact}
    """
}
on stopped {
  notify [room, mail] "The release is stopped" "${event.reason}. Mend it, leave it out, or take a new date."
}
on late { notify mail "Late: ${event.reason}" }

# ── Scenarios ────────────────────────────────────────────────────────────────────────────────────────────

scenario calm "Three weeks without a surprise" { expect completed; expect notified customers =~ "2.5.0 is here" }
scenario denied "The change board says no" { at T-47h deny cab; expect stopped; expect never started expand }
scenario no_go "Not today" { at T-10m deny go; expect rolled_back before T+0; expect never started migrate }
scenario slow_hour "The migration takes longer than 45 minutes" {
  given step migrate takes 50m
  expect rolled_back before T+1h
  expect notified alerts =~ "migration"
  expect never started green
}
scenario canary_bad "Critical lines in the logs at 10 %" {
  at T+1h5m critical_logs = 3
  expect rolled_back before T+1h35m
  expect undone [canary]
  expect notified room =~ "canary goes back"
}
scenario intruder "A breach while half of the traffic is on Green" {
  at T+1h40m fire breach
  expect rolled_back before T+1h45m
  expect never started drain
}
scenario high_error_rate "Scenario 1: 15 % 5xx, and nobody answers" {
  at T+7h errors_5xx = 15%
  expect rolled_back before T+7h30m
  expect undone [payments, quarter, analytics, canary]
  expect notified customers =~ "We took it back"
}
scenario degraded "Scenario 2: p99 is far up, and the flags do not help" {
  at T+7h p99 = 10s
  expect rolled_back before T+7h30m
  expect notified room =~ "flags are off"
}
scenario flag_to_blame "Scenario 2: p99 is up, and a flag was to blame" {
  at T+7h p99 = 2s
  at T+7h10m30s p99 = 700ms
  expect completed
  expect notified room =~ "flags are off"
}
scenario payments_lost "Scenario 3: 85 % of the payments succeed, and the old processor helps" {
  at T+7h payment_success = 85%
  at T+7h2m payment_success = 99.5%
  expect completed
  expect notified support =~ "old processor"
}
scenario payments_still_lost "Scenario 3: and it does not help" {
  at T+7h payment_success = 85%
  expect rolled_back before T+7h15m
}
scenario wrong_data "Scenario 4: users report wrong data" {
  at T+7h fire corruption
  expect rolled_back before T+8h
  expect notified customers =~ "repeated"
}
scenario fewer_orders "Far fewer orders for an hour" { at T+8h volume = 1/s; expect rolled_back before T+10h }
scenario nowhere_to_go "Blue is not healthy when it is needed" {
  given gate blue_healthy fails
  at T+7h errors_5xx = 60%
  expect stuck
  expect notified pager =~ "stuck"
}
scenario too_late "Every second request fails, and Blue is gone" { at T+40h errors_5xx = 60%; expect stuck }

# The triggers of the plan: what leads back at once, what asks first, and what is only told.

scenario all_down "No instance answers" {
  at T+7h healthy = false
  expect rolled_back before T+7h5m
  expect notified pager =~ "`down` fired"
}
scenario payments_dead "Half of the payments fail" {
  at T+7h payment_success = 40%
  expect rolled_back before T+7h5m
}
scenario locked_out "Nobody can log in" {
  at T+7h logins = 2%
  expect rolled_back before T+7h5m
}
scenario pipeline_stops "The data pipeline stands still" {
  at T+7h pipeline = 0/s
  expect rolled_back before T+7h5m
}
scenario corrupt_data "The integrity check fails" {
  at T+7h data_intact = false
  at T+7h20m data_intact = true
  expect rolled_back before T+8h
  expect notified customers =~ "repeated"
}
scenario canary_errors "Errors above 10 % while the traffic moves" {
  at T+1h10m error_rate = 12%
  expect rolled_back before T+1h25m
  expect undone [canary]
}
scenario canary_blind "Nobody sees the errors while the traffic moves" {
  at T+1h10m error_rate = none
  expect asked tech_lead
  expect rolled_back before T+1h35m
}
scenario canary_endpoints "A critical endpoint is gone while the traffic moves" {
  at T+1h10m available = 90%
  expect rolled_back before T+1h15m
}
scenario canary_database "The database is slow while the traffic moves" {
  at T+1h10m db_latency = 100ms
  expect rolled_back before T+1h25m
}
scenario broken_journeys "Ten minutes of broken journeys, and nobody answers" {
  at T+7h journeys = false
  expect asked tech_lead
  expect rolled_back before T+7h40m
}
scenario database_overloaded "The pool is empty, and there is a quick fix" {
  at T+7h pool = 99%
  at T+7h12m deny database_slow by "tech-lead@storefront.example"
  at T+7h20m pool = 50%
  expect completed
}
scenario errors_stay "6 % for an hour" {
  at T+8h error_rate = 6%
  expect rolled_back before T+10h30m
}
scenario slow_stays "More than twice as slow for an hour, flags or not" {
  at T+8h p99 = 2s
  at T+8h7m deny slowing by "tech-lead@storefront.example"
  expect rolled_back before T+10h30m
}
scenario many_tickets "Tickets pile up" {
  at T+8h tickets = 150
  expect rolled_back before T+10h30m
}
scenario many_complaints "Support says that customers complain" {
  at T+8h fire complaints by "support-lead@storefront.example"
  expect asked release_manager
  expect rolled_back before T+10h
}
scenario switch_errors "Errors above 10 % while the sessions on Blue end" {
  given step drain takes 10m
  at T+2h34m error_rate = 12%
  expect rolled_back before T+2h45m
  expect undone [canary]
}
