# The rolling release of a storefront as a whole: the plan of deploy.rb with the people, the flags, the messages and the
# proofs that belong to it. What all releases share stands in lib/organisation.rb.
#
#   runbook check runbooks/rolling.rb

import "lib/organisation.rb"

# allow(RB017): written for the whole language; this version checks it and runs it as its parts arrive
runbook storefront "Storefront release" {
  owner    = "team-storefront"
  timezone = "America/Los_Angeles"
  lock     = ["storefront-${env}", "shared-db-${env}"]
  inherit  = ["KUBECONFIG"]
  grace    = 30s
  report   = "reports/storefront-${version}.md"
}

release {
  version  = version
  previous = "1.1.4"
  kind     = minor
  strategy = rolling
  manager  = release_manager
  start    = start
  downtime = 0s
  describe """
    Rolling, because every migration only adds and the traffic moves third by third: no downtime, an easy way back, two
    versions side by side for forty minutes. Blue-green needs twice the machines, a canary a day, recreate a downtime.
    """
  goal "The dashboard loads in less than 200 ms for 95 % of the users"
  goal "No more than 0.1 % failed payments in the first week"
  follow_up "Remove the flag of the new dashboard" at T+30d
}

var version: semver = "1.2.0" { describe "The version that is released" }
var env: string = "production" { one_of = ["staging", "production"] }
var start: instant = 2030-11-12T10:00:00-08:00 { describe "T+0" }
var new_resources: bool = true { describe "Whether the release needs machines that are not there yet" }
var public: bool = true { describe "Whether customers hear of it" }

let registry = "registry.acme.example/storefront"
let staging_url: url = "https://api.staging.acme.example"

secret db_password = getenv("PGPASSWORD")
secret banner_token = getenv("BANNER_TOKEN")

link dashboard "Release dashboard" "https://grafana.acme.example/d/storefront"
link room "War room" "https://chat.acme.example/release"
link migration_guide "Migration guide" "https://docs.acme.example/v2"

router edge: haproxy { socket = "/run/haproxy/admin.sock"; backend = "storefront"; old = "old"; new = "new" }

flag new_dashboard_ui "New dashboard design" { in = launch; default = off; owner = "frontend" }
flag advanced_search "Advanced search" { in = launch; default = off; owner = "search" }
flag oauth_google "Log in with Google" { in = launch; default = off; owner = "identity" }

# ── What ─────────────────────────────────────────────────────────────────────────────────────────────────

scope {
  feature "Redesigned dashboard" {
    ticket = "SHOP-1201"
    owner  = "frontend"
    describe "The most important numbers first"
  }
  feature "Advanced search by date, category and status" { ticket = "SHOP-1187"; owner = "search" }
  improvement "Profile page loads three times faster"
  fix "Notifications are shown again" { ticket = "BUG-001" }
  fix "Slow connections no longer end in a login timeout" { ticket = "BUG-002" }
  technical "Permissions are cached in Redis" { audience = [technical] }
  breaking "GET /old/path is gone" {
    migration = "use /new/path"
    describe "Deprecated since 1.0.0, three months ago; who still calls it gets a 410: ${link.migration_guide}"
  }
  deprecation "API v1" { removed_in = "2.0.0"; alternative = "API v2" }
  database "Tables user_preferences and notification_settings, indexes for the user list" { describe "Only adds" }
  dependency "Elasticsearch 8.10" { audience = [technical]; describe "ELASTICSEARCH_URL is set, 2 GB more memory" }
  performance "Dashboard: 450 ms → 150 ms"
  performance "User list: 230 ms → 80 ms"
  security "Search is limited to 60 requests a minute; CSP headers; dependencies without known CVEs"
  known_issue "Search lags behind writes by a minute" { workaround = "reload the page" }
}

risk slow_migration "The migrations take longer than expected" {
  probability = medium
  impact      = high
  owner       = dba
  mitigation  = ["tried on staging", "none of them locks a table"]
  contingency = ["the old version goes on serving; the rollback drops what was added"]
  covered_by  = [migrate, slow_migrations]
}

risk wrong_flag "A feature is on for everybody by mistake" {
  probability = 20%
  impact      = medium
  mitigation  = ["off by default", "on step by step"]
  contingency = ["switch it off at once"]
  covered_by  = [payments]
  describe "Bugs would reach all users at once"
}

risk partner "The payment gateway or the mail service is away" {
  probability = low
  impact      = medium
  mitigation  = ["retries and fallbacks"]
  contingency = ["queue, and try again later"]
  covered_by  = [payments, smoke]
}

# ── What is measured ─────────────────────────────────────────────────────────────────────────────────────

metric success: percent "Success rate" { source = prod; query = "shop:success:5m"; unit = ratio; target > 99.5% }
metric connections: count "Active connections" { source = prod; query = "shop:connections"; target < 4000 }
metric cpu: percent "CPU" { source = prod; query = "shop:cpu"; unit = ratio; target < 60%; warn > 80% }
metric memory: percent "Memory" { source = prod; query = "shop:memory"; unit = ratio; target < 70%; critical > 90% }
metric disk: percent "Disk" { source = prod; query = "shop:disk"; unit = ratio; target < 70%; warn > 85% }

metric payment_failures: percent "Failed payments" {
  source = prod
  query  = "shop:payment_failures:1m"
  unit   = ratio
  every  = 15s
  target   < 0.5%
  critical > 2%
}

gate migrated "The new tables are there" {
  within 2m
  every = 20s
  run "kubectl exec -n ${env} postgres-0 -- psql -U postgres -d storefront -c 'TABLE user_preferences LIMIT 0'"
  run "kubectl exec -n ${env} postgres-0 -- psql -U postgres -d storefront -c 'TABLE notification_settings LIMIT 0'"
}

gate journeys "What users do works, from outside" {
  within 5m
  every = 30s
  fail after 3 failures
  gate smoke
  http GET "${base_url}/search?q=board" { expect latency < 1s }
  run "./scripts/smoke-test.sh ${base_url}"
}

gate payments_ok "Payments work" {
  within 4m
  every = 30s
  pass after 2 in a row
  expect payment_failures < 1%
}

# ── Before ───────────────────────────────────────────────────────────────────────────────────────────────

phase readiness: prepare "Readiness" at T-24h {
  gate cluster
  gate staging_smoke "The smoke tests pass on staging" { within 15m; gate smoke with url = staging_url }
  checklist ready "What is asked for a go" within 20h else stop {
    group "Quality gates" {
      item tests "Unit, integration and end-to-end tests pass" { run "./scripts/ci-green.sh ${version}" }
      item review "Code review is complete" { by tech_lead }
      item audit "The security audit found nothing" { by security_lead }
      item benchmarks "The benchmarks are met" { run "./scripts/benchmarks.sh ${version}" }
      item docs "Documentation is updated" { by product_owner }
      item bugs "No P0 or P1 bug is open" { run "./scripts/open-bugs.sh ${version} --max P1" }
      item accepted "The known minor bugs are accepted" { by product_owner }
    }
    group "Infrastructure" {
      item infra "What is new is provisioned" when new_resources { run "./scripts/provisioned.sh ${env} ${version}" }
      item restore "The last backup can be restored" { run "./scripts/backup-valid.sh ${env}" }
      item certificates "Certificates are valid for a month" { run "./scripts/certificates.sh ${env} 30" }
      item dashboards "Dashboards are configured" { by devops }
      item alerts "Alerts are configured" { run "./scripts/alerts.sh ${env}" }
      item flags "The flags are off" {
        expect new_dashboard_ui == off and advanced_search == off and oauth_google == off
      }
    }
    group "Stakeholders" {
      item product "The product owner agrees" { by product_owner }
      item support "Support and customer success are briefed" { by support_lead }
      item marketing "Marketing is ready" when public { by marketing }
      item covered "Stakeholders know, and somebody is on call all the while" { by release_manager }
    }
    group "The way back" {
      item drill "It was tried on staging" { expect last_rollback("staging") < 7d }
      item compatible "The migrations only add, lose nothing and were tried on staging" { by dba }
      item contacts "The emergency contacts are right" { by release_manager }
    }
  }
  step banner "Announce it in the product" when public {
    http POST "${base_url}/banners" {
      header = { Authorization = "Bearer ${banner_token}" }
      json   = { id = "release-${version}", text = "A new dashboard and search are coming", days = 2 }
    }
  }
  approve go "Go / No-Go" at T-30m {
    by all [qa_lead, tech_lead, product_owner, release_manager]
    # allow(RB706): whoever has not answered until then has said no; the chain is for what can wait
    within 20m escalate chain else stop
    on denied stop
  }
}

# ── The release ──────────────────────────────────────────────────────────────────────────────────────────

phase deployment: live "Deployment" at T+0 in release_hours within 2h else rollback {
  describe "The migrations block nobody: no impact is expected"
  step backup "Back up the database" {
    within 15m
    takes = 1m
    run "pg_dump --format=custom --file=storefront-${format_time(execution.started, "%Y%m%d-%H%M%S")}.dump storefront" {
      env = { PGPASSWORD = db_password }
    }
    run "./scripts/newest-backup.sh" { reads = true; capture file = trim(stdout) }
    undo none "a backup changes nothing"
  }

  for file in ["0015_add_user_preferences", "0016_add_notification_settings", "0017_add_indexes_for_performance"] {
    step migrate "Apply ${file}" {
      within 15m
      takes = 1m
      run "kubectl exec -n ${env} postgres-0 -- psql -v ON_ERROR_STOP=1 -U postgres -d storefront -f /migrations/${file}.sql"
      undo {
        takes = 1m
        run "kubectl exec -n ${env} postgres-0 -- psql -v ON_ERROR_STOP=1 -U postgres -d storefront -f /rollback/${file}.sql"
      }
    }
  }
  gate migrated
  notify war_room "✅ Migrations complete"

  for p in [
    { n = 1, share = 33%, at = T+5m },
    { n = 2, share = 67%, at = T+20m },
    { n = 3, share = 100%, at = T+35m },
  ] {
    step pod "Deploy to pod ${p.n}, ${p.share} of the traffic" at p.at {
      within 10m
      takes      = 3m
      idempotent = true
      run "kubectl -n ${env} get deployment/app-${p.n} -o 'jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}'" {
        reads = true
        capture revision = trim(stdout)
      }
      run "kubectl -n ${env} set image deployment/app-${p.n} app=${registry}:${version}" { within 5m }
      run "kubectl -n ${env} rollout status deployment/app-${p.n} --timeout=3m" { reads = true }
      shift edge to p.share
      gate healthy
      retry 1 every 30s
      on failure pause for tech_lead within 15m else rollback
      undo {
        takes = 1m30s
        # To the revision it had: right also where the new one never came.
        run "kubectl -n ${env} rollout undo deployment/app-${p.n} --to-revision=${revision}"
        run "kubectl -n ${env} rollout status deployment/app-${p.n} --timeout=1m"
      }
    }
    notify war_room "✅ Pod ${p.n} deployed, ${p.share} of the traffic, error rate ${error_rate}"
    hold for 5m { expect error_rate < 5% }
  }

  gate journeys at T+45m
  checklist by_hand "By hand, in production" within 30m else rollback {
    item login "Log in as a regular user, make a project, invite somebody" { by qa_lead }
    item admin "The admin panel works" { by qa_lead }
    item mail "Mails arrive" { by support_lead }
    item logs "The error log is clean" { run "./scripts/log-errors.sh ${env}" }
  }
  notify war_room "✅ All systems operational"
}

phase first_day: live "The first day" {
  notify [releases, mail] "Storefront ${release.version} is deployed" at T+1h """
    It took ${execution.duration}, without downtime. Noted: ${execution.notes}
    ${scope.features}
    We watch it for a day. Report what you see: ${link.issues}
    """
  notify status "Storefront ${release.version} is live" { state = completed }
  hold watch "Enhanced monitoring" until T+24h {
    fail after 8 in a row
    expect error_rate < 5%
    expect success > 95%
    expect connections < 8000
  }
}

phase rollout: live "The features, one after the other" {
  step search_on "Switch the advanced search on" at T+24h {
    set advanced_search to on
    gate payments_ok
  }
  ramp dashboard_on: new_dashboard_ui "The new dashboard, over four days" through [10%, 25%, 50%, 100%] {
    hold for 24h
    gate promote
    on failure pause for release_manager within 4h else flags_off
  }
  approve oauth_ok "Logging in with Google was tested" { by qa_lead; within 1d else continue; on denied continue }
  step oauth_on "Switch the login with Google on" when oauth_ok { set oauth_google to on }
}

# ── After ────────────────────────────────────────────────────────────────────────────────────────────────

phase care: after "Aftercare" {
  question downtime: duration "How long was the service away?" { by devops; within 2d else continue }
  question better: string "What do you recommend for the next release?" { by release_manager; within 2d else continue }
  checklist closed "Closing" within 5d else continue {
    item watched "Dashboards and reports were read" { by devops }
    item postmortem "A post-mortem has a date, if one is needed" { by release_manager }
  }
  notify releases "Storefront ${release.version} is closed" "Downtime ${downtime}. Next time: ${better}"
}

# ── What is said, by the clock ───────────────────────────────────────────────────────────────────────────

comms {
  notify [releases, mail] "Upcoming release ${release.version}" at T-48h """
    ${format_time(release.start, "%d %b %Y at %H:%M %Z")}, about ${plan.duration}, downtime ${release.downtime}.
    What's included:
    ${scope.features}
    ${scope.fixes}
    Questions? #releases
    """
  notify customers "New features tomorrow" at T-24h when public """
    ${scope.features}
    When: ${format_time(release.start, "%d %b at %H:%M", "UTC")} UTC. No downtime. Questions? support@acme.example
    """
  notify [releases, war_room, support] "Deployment in one hour" at T-1h """
    On call: ${primary_oncall.members}, ${primary_oncall.contact}
    Rollback ready ✅  War room: ${link.room}  Dashboard: ${link.dashboard}
    """
  every 15m from migrate until first_day {
    notify war_room "${execution.progress}, error rate ${error_rate}, p95 ${p95}, ${connections} connections"
  }
}

on started { notify [releases, war_room] "Deployment of ${release.version} begins" }
on stopped { notify [releases, mail] "The release of ${release.version} was stopped" "${event.reason}" }
on paused { notify [oncall, incidents] "The release waits for a person" "${event.reason}" }
on stuck { notify [oncall, incidents] "The rollback is stuck" "${event.reason}. Call ${primary_oncall.contact}" }
on unhealthy { notify [oncall, incidents] "Rolled back and not healthy" "${event.reason}" }

# ── When it goes wrong ───────────────────────────────────────────────────────────────────────────────────

trigger errors "Errors above 5 %" {
  when error_rate > 5% for 2m
  severity = sev1
  no data pause for primary_oncall within 10m else rollback
}

trigger slow "Slower than a second" { when p95 > 1000ms for 5m; severity = sev1 }

trigger corruption "Data are corrupted" {
  when not data_intact for 1m
  from pod.1
  then with_database
  notify [oncall, incidents] "The data are not whole: ${event.reason}"
}

trigger bug "A critical bug" { manual by any [primary_oncall, tech_lead]; severity = sev1 }

trigger payments "Payments fail" { when payment_failures > 2% for 1m; then flags_off }

trigger unacceptable "Twice as slow as before" {
  when p95 > 2x baseline for 10m
  ask any [tech_lead, release_manager] within 10m else rollback
  notify incidents "Look at ${link.dashboard}: ${event.reason}"
}

trigger some_errors "Errors above 1 %" { when error_rate > 1% for 5m; severity = sev3 }
trigger slower "Slower than half a second" { when p95 > 500ms for 5m; severity = sev3 }
trigger slow_migrations "The migrations take long" { when migrate runs 10m; severity = sev3 }

trigger resources "CPU, memory or disk get short" {
  when (cpu > 80% or memory > 90% or disk > 85%) for 10m
  then continue
  notify oncall "CPU ${cpu}, memory ${memory}, disk ${disk}"
}

response flags_off "Switch the new features off" within 5m else rollback {
  set new_dashboard_ui to off
  set advanced_search to off
  set oauth_google to off
  gate payments_ok
  notify incidents "The new features are off, failed payments ${payment_failures}"
}

rollback "Back to ${release.previous}" {
  rto = 15m
  notify [incidents, war_room, oncall] "Rolling back ${release.version}" "${event.reason}. It takes at most ${event.eta}"
  notify status "We go back to the version before" { state = investigating; components = ["API"] }
  every 5m { notify war_room "${execution.progress}, error rate ${error_rate}" }
  undo
  step banner_off "Take the announcement back" when public {
    takes = 10s
    http DELETE "${base_url}/banners/release-${version}" {
      header = { Authorization = "Bearer ${banner_token}" }
      expect status in [204, 404]
    }
  }
  gate data_intact
  gate smoke
  notify [incidents, releases, oncall] "Storefront is back at ${release.previous}" "Error rate ${error_rate}, p95 ${p95}"
  notify status "Everything works as before" { state = resolved; components = ["API"] }
  after {
    checklist learned "After the rollback" within 1d else continue {
      item evidence "Logs and metrics are saved" { run "./scripts/save-evidence.sh ${env}" }
      item document "What went wrong is written down" { by tech_lead }
      item fix "It is fixed and tested again" { by tech_lead }
      item date "The release has a new date, and a post-mortem one if needed" { by release_manager }
    }
  }
}

rollback with_database "Back to ${release.previous}, with the backup" {
  rto = 1h
  notify [incidents, war_room, oncall] "Rolling back storefront ${release.version} with its data" "${event.reason}"
  confirm loss "What was written since the backup will be lost" { by any [dba, release_manager]; within 10m }
  # Not the migrations: the backup is from before them.
  undo [pod, search_on, dashboard_on, oauth_on]
  step restore "Restore ${backup.file}" {
    within 20m
    takes = 15m
    run "pg_restore --clean --if-exists --dbname=storefront ${backup.file}" { env = { PGPASSWORD = db_password } }
    run "./scripts/verify-data-integrity.sh ${env}" { reads = true }
  }
  gate smoke
  notify [incidents, releases] "Storefront is back at ${release.previous}, with the backup" "${event.reason}"
}

# ── Proof ────────────────────────────────────────────────────────────────────────────────────────────────

scenario routine "It goes well" {
  given error_rate = 0.2%
  expect completed
  expect notified mail =~ "deployed"
}

scenario refused "The product owner says no" {
  at T-20m deny go by "product-owner@acme.example"
  expect stopped
  expect never started backup
}

scenario error_spike "7 % errors at 67 % of the traffic" {
  given error_rate = 0.2%
  at T+21m error_rate = 7%
  expect rolled_back before T+40m
  expect undone [pod.2, pod.1, migrate]
  expect notified incidents =~ "Rolling back"
  expect never started pod.3
}

scenario too_slow "A second and a half, on the watch" {
  at T+3h p95 = 1500ms
  expect rolled_back before T+4h
}

scenario critical_bug "Somebody on call finds a critical bug" {
  at T+30m fire bug by "oncall@acme.example"
  expect rolled_back before T+45m
  expect undone [pod.2, pod.1, migrate]
}

scenario corrupted "The data are not whole" {
  given gate data_intact fails
  at T+7m confirm loss by "dba@acme.example"
  expect rolled_back before T+1h
  expect undone [pod.1]
}

scenario payments_fail "Payments fail with the new dashboard, and recover without it" {
  at T+30h payment_failures = 4%
  at T+30h3m payment_failures = 0.2%
  expect completed
  expect notified incidents =~ "features are off"
}

scenario unanswered "Twice as slow, and nobody answers" {
  at T+3h p95 = 450ms
  expect rolled_back before T+4h
}

scenario crash "The runner dies in the middle" {
  crash at T+6m
  expect completed
}

scenario intruder "A breach" {
  at T+30m fire breach
  expect rolled_back before T+45m
}

scenario broken_feature "A central feature is broken" {
  at T+3h fire broken
  expect rolled_back before T+4h
}

scenario blind "Nobody sees the errors" {
  at T+3h error_rate = none
  expect asked primary_oncall
  expect rolled_back before T+4h
}

scenario slow_migration "A migration takes twelve minutes" {
  given step migrate.0016_add_notification_settings takes 12m
  expect completed
  expect notified incidents =~ "slow_migrations"
}

scenario a_few_errors "1.5 % errors for a while" {
  at T+3h error_rate = 1.5%
  at T+3h20m error_rate = 0.2%
  expect completed
}

scenario short_of_memory "Memory gets short" {
  at T+3h memory = 95%
  at T+4h memory = 50%
  expect completed
  expect notified oncall =~ "memory 95%"
}
