# The rolling release of a storefront, as a team keeps it beside the code: migrations first, then three pods with a
# third of the traffic each, looked at after every step, with a way back for everything.
#
#   runbook check runbooks/deploy.rb
#   runbook run runbooks/deploy.rb --dry-run --var version=1.2.0 --var start=2025-11-18T10:00:00-08:00

runbook storefront "Storefront release" {
  owner    = "team-storefront"
  timezone = "America/Los_Angeles"
  lock     = ["storefront-${env}", "shared-db-${env}"]
  inherit  = ["KUBECONFIG", "AWS_PROFILE"]
  grace    = 30s
  describe "Rolling release with zero downtime. Old and new serve side by side, so every migration only adds."
}

release {
  version  = version
  previous = previous
  kind     = minor
  strategy = rolling
  manager  = release_manager
  start    = start
  downtime = 0s
  describe "Rolling, because both versions know the new tables and the traffic can be moved third by third. Blue-green would need a second set of machines, a canary would take a day longer."
  goal "No more than 0.1 % failed payments in the first week"
  goal "The dashboard loads in less than 200 ms for 95 % of the users"
}

var version: semver { describe "The version that is released" }
var previous: semver = "1.1.4" { describe "The version that serves now" }
var start: instant { describe "T+0" }
var env: string = "production" { one_of = ["staging", "production"] }

let base_url: url = "https://api.${env}.storefront.example"
let registry = "registry.storefront.example/app"
let prometheus: url = "https://prometheus.storefront.example"

secret releases_hook = getenv("RELEASES_WEBHOOK")
secret incidents_hook = getenv("INCIDENTS_WEBHOOK")
secret smoke_password = file("/run/secrets/smoke-password")

link dashboard "Release dashboard" "https://grafana.storefront.example/d/release"
link war_room "War room" "https://chat.storefront.example/release"

channel releases: webhook "Releases, for engineering, product and support" { url = releases_hook }
channel incidents: webhook "Incidents, for whoever is on call" { url = incidents_hook }
channel log: console {}

# ── Who ──────────────────────────────────────────────────────────────────────────────────────────────────

role release_manager "Release manager" {
  members = ["release-manager@storefront.example"]
  backup  = ["platform-lead@storefront.example"]
  contact = { chat = "#releases" }
  describe "Prepares the release, starts it, decides with the tech lead"
}

role primary_oncall "On call" {
  members = ["oncall@storefront.example"]
  contact = { phone = "+1 555 0100", chat = "#oncall" }
}

role dba "Database" {
  members = ["dba@storefront.example"]
  contact = { chat = "#database" }
}

# ── What ─────────────────────────────────────────────────────────────────────────────────────────────────

scope {
  feature "Redesigned dashboard" { ticket = "SHOP-1201"; owner = "frontend" }
  feature "Search by date, category and status" { ticket = "SHOP-1187"; owner = "search" }
  improvement "Profile page loads three times faster"
  fix "Notifications are shown again" { ticket = "SHOP-1244" }
  fix "Slow connections no longer end in a login timeout" { ticket = "SHOP-1250" }
  technical "Queries of the user list use the new indexes"
  breaking "GET /api/v1/old-endpoint is gone" { migration = "use /api/v2/new-endpoint" }
  deprecation "API v1" { removed_in = "2.0.0"; alternative = "API v2" }
  database "Tables user_preferences and notification_settings, indexes for the user list" {
    describe "Only adds; the old version does not see it"
  }
  known_issue "Search lags behind writes by up to a minute" { workaround = "reload the page" }
}

risk slow_migration "The migrations take longer than expected" {
  probability = low
  impact      = high
  owner       = dba
  mitigation  = ["tried on staging with a copy of production", "none of them locks a table"]
  contingency = ["the old version keeps serving; the rollback drops what was added"]
  covered_by  = [migrate, slow_migrations]
}

risk slow_dashboard "The new dashboard is slower for large accounts" {
  probability = medium
  impact      = medium
  mitigation  = ["load test at 150 % of the peak"]
  contingency = ["roll back"]
  covered_by  = [slow]
}

# ── What is measured ─────────────────────────────────────────────────────────────────────────────────────

let errors_query = """sum(rate(http_requests_total{code=~"5.."}[1m])) / sum(rate(http_requests_total[1m]))"""

metric error_rate: percent "Error rate" {
  http GET "${prometheus}/api/v1/query?query=${errors_query}"
  path     = "$.data.result[0].value[1]"
  unit     = ratio
  every    = 15s
  baseline = 0.2%
  target   < 1%
  warn     > 1%
  critical > 5%
}

metric p95: duration "95th percentile of the response time" {
  http GET "${prometheus}/api/v1/query?query=app:latency:p95_1m"
  path     = "$.data.result[0].value[1]"
  unit     = s
  every    = 15s
  baseline = 150ms
  target   < 200ms
  warn     > 500ms
  critical > 1s
}

metric payment_failures: percent "Failed payments" {
  http GET "${prometheus}/api/v1/query?query=app:payment_failures:ratio_1m"
  path  = "$.data.result[0].value[1]"
  unit  = ratio
  every = 30s
  target   < 0.5%
  critical > 2%
}

# ── What is looked at ────────────────────────────────────────────────────────────────────────────────────

gate healthy "Every pod answers" {
  with url = base_url
  within 5m
  every = 10s
  pass after 3 in a row
  http GET "${url}/health" {
    expect status == 200
    expect json("$.status") == "ok"
    expect json("$.database") == "ok"
    expect latency < 500ms
  }
  run "kubectl -n ${env} rollout status deployment/app --timeout=5s"
}

gate smoke "A user can log in, read and write" {
  with url = base_url
  within 3m
  every = 15s
  fail after 3 failures
  http POST "${url}/auth/login" {
    reads = true
    json  = { email = "smoke@storefront.example", password = smoke_password }
    capture token: secret = json("$.access_token")
  }
  expect token != ""
  http GET "${url}/users" { header = { Authorization = "Bearer ${token}" } }
  http GET "${url}/projects?limit=1" {
    header = { Authorization = "Bearer ${token}" }
    expect json("$.projects[0].id") != ""
  }
  http GET "${url}/no-such-page" { expect status == 404 }
  http GET "${url}/assets/app.css" { expect header("content-type") =~ "text/css" }
}

gate data_intact "The data are whole" {
  within 2m
  every = 20s
  run "./scripts/verify-data-integrity.sh ${env}"
}

# ── The timeline ─────────────────────────────────────────────────────────────────────────────────────────

phase readiness: prepare "Readiness" at T-24h {
  gate tests "All tests pass" {
    within 1h
    every = 5m
    run "gh run list --workflow ci --branch release-${version} --status success --limit 1 --json databaseId --exit-status"
  }
  gate scan "The security scan found nothing critical" {
    within 30m
    every = 5m
    run "./scripts/scan-result.sh ${version}"
  }
  gate certificates "Certificates are valid for a month" { run "./scripts/certificates.sh ${env} 30" }
  step image "Pull the image to every machine" {
    within 30m
    takes = 5m
    run "kubectl -n ${env} create job pull-${version} --image=${registry}:${version} -- true"
    retry 2 every 1m
  }
  notify releases "Release ${release.version} in 24 hours" at T-23h """
    Storefront ${release.version} goes live at ${format_time(release.start, "%a %d %b %H:%M %Z")}.

    New:
    ${scope.features}

    Fixed:
    ${scope.fixes}

    It takes about ${plan.duration}, without downtime. Questions: ${link.war_room}
    """
  notify [releases, log] "Release ${release.version} in an hour" at T-1h "War room: ${link.war_room}, dashboard: ${link.dashboard}"
  gate calm "Nothing is wrong before we begin" at T-10m {
    within 5m
    every = 30s
    pass after 3 in a row
    gate healthy
    expect error_rate < 1%
    expect payment_failures < 0.5%
  }
}

phase deployment: live "Deployment" at T+0 within 3h else rollback {
  step backup "Back up the database" {
    within 30m
    takes = 4m
    run "./scripts/backup.sh ${env} backup-${format_time(execution.started, "%Y%m%d-%H%M%S")}"
    undo none "a backup changes nothing"
  }

  for file in ["0015_add_user_preferences", "0016_add_notification_settings", "0017_add_indexes_for_performance"] {
    step migrate "Apply ${file}" {
      within 45m
      takes = 1m
      run "kubectl exec -n ${env} postgres-0 -- psql -v ON_ERROR_STOP=1 -U postgres -d storefront -f /migrations/${file}.sql"
      undo {
        takes = 1m
        run "kubectl exec -n ${env} postgres-0 -- psql -v ON_ERROR_STOP=1 -U postgres -d storefront -f /rollback/${file}.sql"
      }
    }
  }
  gate data_intact

  for p in [
    { n = 1, share = 33%, at = T+10m },
    { n = 2, share = 67%, at = T+25m },
    { n = 3, share = 100%, at = T+40m },
  ] {
    step pod "Deploy to pod ${p.n}, ${p.share} of the traffic" at p.at {
      within 15m
      takes = 2m
      run "kubectl -n ${env} get deployment/app-${p.n} -o jsonpath={.spec.template.spec.containers[0].image}" {
        reads = true
        capture image = trim(stdout)
      }
      run "./scripts/traffic.sh ${env} get" {
        reads = true
        capture share: percent = trim(stdout)
      }
      run "kubectl -n ${env} set image deployment/app-${p.n} app=${registry}:${version}" { within 5m }
      run "./scripts/traffic.sh ${env} set ${p.share}"
      gate healthy
      retry 1 every 30s
      undo {
        takes = 1m
        run "./scripts/traffic.sh ${env} set ${share}"
        run "kubectl -n ${env} set image deployment/app-${p.n} app=${image}"
        run "kubectl -n ${env} rollout status deployment/app-${p.n} --timeout=45s"
      }
    }
    notify log "Pod ${p.n} has ${release.version}: ${execution.progress} done, error rate ${error_rate}, p95 ${p95}"
    hold for 5m {
      expect error_rate < baseline + 2pp
      expect p95 < 3x baseline
    }
  }

  gate smoke
  notify releases "Storefront ${release.version} serves all traffic" "Error rate ${error_rate}, p95 ${p95}. We go on watching: ${link.dashboard}"
  hold watch "Watch the first hour" for 1h { expect error_rate < 1% }
}

phase care: after "Aftercare" {
  gate still_smoking "A user can still log in" at T+4h {
    within 10m
    every = 1m
    gate smoke
  }
  hold first_day "Watch the first day" until T+24h {
    expect error_rate < 1%
    expect p95 < 500ms
  }
  step close "Close the release ticket" { run "gh issue close release-${version} --comment 'Live since yesterday'" }
}

# ── Reactions ────────────────────────────────────────────────────────────────────────────────────────────

severity immediate "Roll back at once" { then rollback; notify = [incidents] }
severity notice "Tell, and go on" { then continue; notify = [releases] }

trigger errors "Errors above 5 %" {
  when error_rate > 5% for 2m
  severity = immediate
  no data rollback
}

trigger slow "Slower than a second" {
  when p95 > 1s for 5m
  severity = immediate
}

trigger payments "Payments fail" {
  when payment_failures > 2% for 1m
  severity = immediate
  from pod.1
}

trigger slow_migrations "The migrations take long" {
  when migrate runs 30m
  severity = notice
}

trigger worse "Twice as slow as before" {
  when p95 > 2x baseline for 5m
  severity = notice
}

rollback "Back to ${release.previous}" {
  rto = 15m
  notify incidents "Rolling back storefront ${release.version}" "${event.reason}. It takes at most ${event.eta}. Started by ${event.by}."
  undo
  gate data_intact
  gate smoke
  notify [incidents, releases] "Storefront is back at ${release.previous}" "Error rate ${error_rate}, p95 ${p95}. What happened: ${event.reason}"
}

on started { notify [releases, log] "Deployment of ${release.version} begins" "War room: ${link.war_room}" }
on completed {
  notify releases "Storefront ${release.version} is done" "${execution.progress} steps in ${execution.duration}"
}
on unhealthy { notify incidents "Rolled back and not healthy" "${event.reason}. On call: ${primary_oncall.contact}" }
on stuck { notify incidents "The rollback is stuck" "${event.reason}. A person is needed: ${primary_oncall.contact}" }
on stopped { notify releases "The release was stopped" "${event.reason}. Nothing was changed." }
on paused { notify incidents "The release waits for a person" "${event.reason}" }

# ── Tried out before it happens: `runbook test runbooks/deploy.rb` ─────────────────────────────────────────────

scenario routine "It goes well" {
  given version = "1.2.0"
  expect completed
  expect step pod.2 started at T+25m
  expect notified releases =~ "in 24 hours"
  expect notified releases =~ "is done"
}

scenario red "The tests are red the day before" {
  given version = "1.2.0"
  given gate tests fails
  expect stopped before T-22h
  expect never started backup
  expect notified releases =~ "Nothing was changed"
}

scenario error_spike "7 % errors after the second pod" {
  given version = "1.2.0"
  at T+28m error_rate = 7%
  expect rolled_back before T+40m
  expect undone [pod.2, pod.1, migrate]
  expect notified incidents =~ "Rolling back"
  expect never started pod.3
}

scenario errors_later "7 % errors while nothing is being done" {
  given version = "1.2.0"
  at T+18m error_rate = 7%
  expect rolled_back before T+30m
  expect undone [pod.1, migrate]
}

scenario slow_pages "A second and a half per page" {
  given version = "1.2.0"
  at T+18m p95 = 1500ms
  expect rolled_back before T+30m
}

scenario twice_as_slow "Twice as slow as before" {
  given version = "1.2.0"
  at T+18m p95 = 450ms
  expect rolled_back before T+50m
}

scenario payments_fail "One payment in twenty-five fails" {
  given version = "1.2.0"
  at T+12m payment_failures = 4%
  expect rolled_back before T+20m
  expect undone [pod.1, migrate]
}

scenario long_migration "A migration takes more than half an hour" {
  given version = "1.2.0"
  given step migrate.0016_add_notification_settings takes 40m
  expect completed
  expect duration > 2h
}

scenario blind "Nobody can see how many errors there are" {
  given version = "1.2.0"
  at T+15m error_rate = none
  expect rolled_back before T+30m
}

scenario unhealthy "It is not healthy after the way back" {
  given version = "1.2.0"
  given step pod.2 fails
  given gate smoke fails
  expect unhealthy
  expect notified incidents =~ "not healthy"
}

scenario jammed "The way back fails half way" {
  given version = "1.2.0"
  given step pod.2 fails
  given undo pod.1 fails
  expect stuck
  expect notified incidents =~ "A person is needed"
}

scenario crash "The laptop dies while a pod is deployed" {
  given version = "1.2.0"
  crash at T+11m
  expect completed
}
