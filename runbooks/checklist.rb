# A release manager's checklist that ticks itself where a command can look, asks the right person where it cannot, and
# holds everything else up until it is done. The deployment stands in the middle of it.
#
#   runbook check runbooks/checklist.rb
#
# Without its live phases it is a checklist and nothing else: in `prepare` an item that is missing stops the release, in
# `after` it is reported, and neither rolls anything back.

# allow(RB017): written for the whole language; this version checks it and runs it as its parts arrive
runbook checklist "Release manager's checklist" {
  owner    = "release-management"
  timezone = "UTC"
  lock     = "storefront-${env}"
  inherit  = ["KUBECONFIG", "GH_TOKEN"]
  report   = "reports/checklist-${version}.md"
}

release {
  version  = version
  previous = previous
  kind     = minor
  strategy = rolling
  manager  = release_manager
  start    = start
  downtime = 0s
  goal "95 of 100 searches answer in less than 300 ms"
  goal "Fewer than ten tickets about the new search in two days"
}

var version: semver = "1.3.0" { describe "The release candidate" }
var previous: semver = "1.2.4" { describe "The version that serves now" }
var start: instant = 2027-03-09T09:00:00Z { describe "T+0" }
var env: string = "production" { one_of = ["staging", "production"] }
var needs_window: bool = true { describe "Whether the stakeholders must agree to a maintenance window" }

let base_url: url = "https://www.${env}.storefront.example"
let staging_url: url = "https://www.staging.storefront.example"
let smtp: url = "smtp://mail.storefront.example:587"
let sender: email = "release@storefront.example"

secret team_hook = getenv("TEAM_SLACK_WEBHOOK")
secret pager_key = getenv("PAGERDUTY_ROUTING_KEY")
secret unleash_token = getenv("UNLEASH_TOKEN")
secret smoke_password = file("/run/secrets/smoke-password")

link dashboard "Latency, errors, resources" "https://grafana.storefront.example/d/release"
link notes "Release notes" "https://docs.storefront.example/releases"

channel team: slack "Internal teams" { webhook = team_hook }
channel pager: pagerduty "Whoever is on call" { routing_key = pager_key }
channel stakeholders: email "Stakeholders" { smtp = smtp; from = sender; to = ["stakeholders@storefront.example"] }
channel support: email "Support" { smtp = smtp; from = sender; to = ["support@storefront.example"] }
channel customers: email "Customers" { smtp = smtp; from = sender; to = ["customers@storefront.example"] }

source prod: prometheus { url = "https://prometheus.storefront.example" }

flags launch: unleash {
  url         = "https://unleash.storefront.example/api"
  token       = unleash_token
  project     = "storefront"
  environment = env
}

flag new_search "Search by date and status" { in = launch; default = off; owner = "search-team" }

window working_hours { days = [mon, tue, wed, thu]; from = 08:00; to = 16:00 }

# ── Who ──────────────────────────────────────────────────────────────────────────────────────────────────

role release_manager "Release manager" {
  members = ["release-manager@storefront.example"]
  reach   = [team, stakeholders]
  contact = { phone = "+1 555 0100" }
  describe "Leads through this list; whatever has no name on it is theirs"
}

role tech_lead "Technical lead" { members = ["tech-lead@storefront.example"]; reach = [team] }
role dba "Database" { members = ["dba@storefront.example"]; reach = [team] }
role qa_lead "Quality" { members = ["qa-lead@storefront.example"]; reach = [team] }
role support_lead "Support" { members = ["support-lead@storefront.example"]; reach = [support] }
role product_manager "Product" { members = ["product@storefront.example"]; reach = [team] }
role stakeholder "For the stakeholders" { members = ["operations@storefront.example"]; reach = [stakeholders] }

role primary_oncall "On call" {
  members = ["oncall@storefront.example"]
  reach   = [pager]
  contact = { phone = "+1 555 0110" }
}

# ── What ─────────────────────────────────────────────────────────────────────────────────────────────────

scope {
  feature "Search by date and status" { ticket = "SHOP-1310"; owner = "search-team" }
  fix "Exports no longer stop at 10 000 rows" { ticket = "SHOP-1298" }
  database "Index for the search" { describe "Only adds; `undo` of the deployment leaves it" }
  known_issue "Archived orders are found an hour later" { workaround = "search by number" }
}

risk search_slow "The new search slows the database down" {
  probability = medium
  impact      = high
  owner       = dba
  mitigation  = ["behind a flag", "index before the code"]
  contingency = ["flag off, else roll back"]
  covered_by  = [slow, critical]
}

# ── What is measured, and looked at ──────────────────────────────────────────────────────────────────────

metric error_rate: percent "Error rate" {
  source = prod
  query  = """sum(rate(http_requests_total{code=~"5.."}[1m])) / sum(rate(http_requests_total[1m]))"""
  unit   = ratio
  every  = 15s
  target   < 0.5%
  warn     > 1%
  critical > 5%
}

metric p95: duration "95th percentile of the response time" {
  source = prod
  query  = "app:latency:p95_1m"
  unit   = s
  every  = 15s
  target   < 300ms
  warn     > 500ms
  critical > 1s
}

metric cpu: percent "CPU" { source = prod; query = "app:cpu:ratio"; unit = ratio; target < 60%; warn > 80% }

metric log_errors: count "Lines with errors in five minutes" {
  run "./scripts/log-errors.sh ${env} 5m"
  every = 30s
  target < 20
}

metric tickets: count "Tickets about this release" {
  run "./scripts/tickets.sh open ${version}"
  every = 10m
  target < 10
}

gate smoke "The critical paths work" {
  with url = base_url
  within 5m
  every = 30s
  fail after 3 failures
  http POST "${url}/auth/login" {
    reads = true
    json  = { email = "smoke@storefront.example", password = smoke_password }
    capture token: secret = json("$.access_token")
  }
  http GET "${url}/api/orders?limit=1" { header = { Authorization = "Bearer ${token}" } }
  http GET "${url}/api/search?q=smoke" { header = { Authorization = "Bearer ${token}" } }
}

gate healthy "Every service answers" {
  within 5m
  every = 10s
  pass after 3 in a row
  http GET "${base_url}/health"
  http GET "${base_url}/api/orders/health"
  http GET "${base_url}/api/search/health"
  http GET "${base_url}/api/billing/health"
}

gate verified "The deployment is the one that was meant" {
  within 10m
  every = 30s
  http GET "${base_url}/version" { expect json("$.version") == version }
  run "./scripts/verify-deployment.sh ${env} ${version}"
}

# ── Before ───────────────────────────────────────────────────────────────────────────────────────────────

phase pre_release: prepare "Pre-release checks" at T-48h {
  gate smoke with url = staging_url
  checklist checks "Pre-release checks" within 1d else stop {
    group "It looks by itself" {
      item ci "CI is green for the candidate" {
        run "gh run list --workflow ci --branch release-${version} --status success --limit 1 --json databaseId --exit-status"
      }
      item scan "CodeQL and the dependency check found nothing critical" { run "./scripts/scan-result.sh ${version}" }
      item flags "The new search is off" { expect new_search == off }
    }
    group "Somebody looks" {
      item notes "Release notes are final: features, fixes, known issues" { by release_manager }
      item way_back "The way back is written down and was tried" { by tech_lead }
      item dependencies "Dependencies and integrations are compatible" { by tech_lead }
      item migrations "Migrations are reviewed, and can be undone where they must" { by dba }
    }
  }
}

phase day: prepare "The morning" at T-2h {
  checklist ready "Right before" within 90m else stop {
    item window "The maintenance window is agreed" when needs_window { by stakeholder }
    item oncall "On call is there" { by primary_oncall }
  }
}

# ── Deployment ───────────────────────────────────────────────────────────────────────────────────────────

phase deployment: live "Deployment" at T+0 in working_hours within 2h else rollback {
  step backup_database "Back up the database" {
    within 30m
    takes = 10m
    run "./scripts/backup.sh ${env} database --name=pre-${version}"
    undo none "a backup changes nothing"
  }
  step backup_config "Back up the configuration" {
    takes = 1m
    run "./scripts/backup.sh ${env} config --name=pre-${version}"
    undo none "a backup changes nothing"
  }
  step deploy "Deploy ${version}" {
    within 30m
    takes = 10m
    run "./scripts/deploy.sh ${env} ${version}"
    retry 1 every 30s
    undo { takes = 5m; run "./scripts/deploy.sh ${env} ${previous}" }
  }
  gate verified
  hold settle "Let it settle" for 10m { expect error_rate < 1% }
  step search_on "Switch the new search on" {
    set new_search to on
    gate healthy
  }
}

phase verification: live "Verification" within 2h else rollback {
  gate smoke
  gate healthy
  hold dashboards "Latency, errors, resources" for 30m {
    every = 15s
    fail after 20 in a row
    expect p95 < 500ms
    expect error_rate < 1%
    expect cpu < 80%
  }
  confirm flows "The key flows work for a user" { by qa_lead; within 30m else rollback }
  checklist logs "Error logs" within 30m else rollback {
    item unexpected "Nothing unexpected in the error logs" { by tech_lead }
    item few "And no more of them than usual" { expect log_errors < 50 }
  }
}

# ── After ────────────────────────────────────────────────────────────────────────────────────────────────

phase communication: after "Communication" {
  notify [stakeholders, customers, support] "Storefront ${release.version} is live" """
    New:
    ${scope.features}

    Fixed:
    ${scope.fixes}

    Notes: ${link.notes}
    """
  notify team "Release ${release.version}: summary" """
    ${scope.features}

    It took ${execution.duration}. Error rate ${error_rate}, p95 ${p95}: ${link.dashboard}
    ${execution.notes}
    """
  checklist told "Documentation and support" within 1d else continue {
    item documentation "User documentation and changelog are updated" { by product_manager }
    item briefing "Support knows features, changes and known issues" { by support_lead }
  }
}

phase monitoring: after "24 to 48 hours" {
  hold two_days "The goals" until T+48h {
    every = 15m
    expect error_rate < 1%
    expect p95 < 500ms
    expect tickets < 50
  }
  checklist followed "What came of it" within 1d else continue {
    item feedback "Feedback and tickets are sorted" { by support_lead }
    item incidents "Incidents are dealt with" { by primary_oncall }
    item follow_ups "Tickets for hotfixes and improvements are written" { by tech_lead }
    item report "The report is complete: timeline, issues, resolutions" { by release_manager }
  }
}

phase handoff: after "Handoff" {
  notify team "Metrics of ${release.version}, for product" "Error rate ${error_rate}, p95 ${p95}, ${tickets} tickets"
  checklist handed "Handoff" within 2d else continue {
    item briefed "On call knows the release and what may come" { by primary_oncall }
    item shared "Metrics and first feedback are with product" { by product_manager }
    item retro "The retrospective is in the calendar" { by release_manager }
  }
}

# ── Who hears what, and when ─────────────────────────────────────────────────────────────────────────────

comms {
  notify [stakeholders, support] "Upcoming release ${release.version}" at T-48h """
    From ${format_time(release.start, "%a %d %b %H:%M")} to ${format_time(release.start + 4h, "%H:%M %Z")} we release
    storefront ${release.version}.

    ${scope.features}
    ${scope.known_issues}
    """
  every 15m from deployment until verification.done { notify team "${execution.progress}, error rate ${error_rate}" }
}

# ── Reactions ────────────────────────────────────────────────────────────────────────────────────────────

severity critical_issue "Roll back at once" { then rollback; notify = [team, pager] }

trigger critical "A critical issue" {
  manual by any [release_manager, tech_lead, primary_oncall]
  severity = critical_issue
}

trigger errors "Errors above 5 %" {
  when error_rate > 5% for 2m
  severity = critical_issue
}

trigger anomalies "The logs fill with errors" {
  when log_errors > 200 for 2m
  severity = critical_issue
  from deploy
}

trigger slow "Slow with the new search" {
  when p95 > 1s for 1m
  from search_on
  then search_off
}

response search_off "The old search serves" within 5m else rollback {
  set new_search to off
  notify team "The new search is off" "${event.reason}"
  gate calm "Fast again" {
    within 4m
    every = 15s
    expect p95 < 500ms
  }
}

rollback "Back to ${release.previous}" {
  rto = 20m
  notify [team, pager, stakeholders] "Rolling back ${release.version}" "${event.reason}. It takes at most ${event.eta}."
  undo
  gate healthy
  gate smoke
  notify [team, stakeholders, support] "${release.previous} serves again" "${event.reason}"
  after {
    checklist lessons "After the rollback" within 2d else continue {
      item cause "The cause is known, and a test finds it" { by tech_lead }
      item again "There is a new date" { by release_manager }
    }
  }
}

on started { notify team "Deployment of ${release.version} begins" "${link.dashboard}" }
on completed { notify team "The list of ${release.version} is done" "In ${execution.duration}" }
on unhealthy { notify [team, pager] "Rolled back, and not healthy" "${event.reason}" }
on stuck { notify [team, pager] "The rollback is stuck" "${event.reason}. On call: ${primary_oncall.contact}" }
on stopped { notify [team, stakeholders] "The release is off" "${event.reason}. Nothing was changed." }
on late { notify team "Late: ${event.reason}" }

# ── Scenarios ────────────────────────────────────────────────────────────────────────────────────────────

scenario ticked "Everything is ticked off" {
  expect completed
  expect notified stakeholders =~ "Upcoming release"
  expect notified customers =~ "1.3.0 is live"
}

scenario staging_broken "The smoke tests on staging fail" {
  given gate smoke fails
  expect stopped
  expect never started backup_database
}

scenario critical_issue_found "Somebody finds a critical issue while the dashboards are watched" {
  at T+50m fire critical
  expect rolled_back before T+1h10m
  expect undone [search_on, deploy]
  expect notified stakeholders =~ "Rolling back"
}

scenario logs_fill "The logs fill with errors right after the deployment" {
  at T+25m log_errors = 500
  expect rolled_back before T+45m
  expect undone [deploy]
  expect never started search_on
}

scenario search_to_blame "The new search is slow, and is switched off" {
  at T+40m p95 = 2s
  at T+42m p95 = 250ms
  expect completed
  expect notified team =~ "search is off"
}

scenario errors_later "Errors above 5 % after the deployment" {
  at T+50m error_rate = 7%
  expect rolled_back before T+1h10m
}
