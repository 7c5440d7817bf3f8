# How one organisation releases, from the plan eight weeks before to the review a month after: who agrees, what is
# ticked and when, what is said to whom, and what happens when it goes wrong. Patches and hotfixes take a short way.
#
#   runbook check runbooks/organisation.rb

import "lib/organisation.rb"

# allow(RB017): written for the whole language; this version checks it and runs it as its parts arrive
runbook octoacme "OctoAcme release" {
  owner    = "team-release"
  timezone = "America/Los_Angeles"
  lock     = "octoacme-${env}"
  inherit  = ["KUBECONFIG"]
  report   = "reports/octoacme-${version}.md"
}

release {
  version  = version
  previous = previous
  since    = "v${previous}"
  kind     = kind
  strategy = strategy
  manager  = release_manager
  start    = 2030-05-14T10:00:00-07:00
  downtime = downtime
  needs    = ["billing >= 3.2.0", "identity >= 2.0.0"]
  describe """
    Rolling is the rule: no downtime, machine by machine, with two versions side by side for a while. A change that
    breaks the data goes by a maintenance window: simple, in full control, and users are told of the downtime.
    """
  goal "One user in five has shared a board within a month"
  goal "Satisfaction stays above four of five"
  follow_up "Plan the end of API v1" at T+30d
}

var version: semver = "1.3.0" { describe "The version that is released" }
var previous: semver = "1.2.3" { describe "The version that serves now" }
var env: string = "production" { one_of = ["staging", "production"] }
var kind: release_kind = minor { describe "Decides who agrees, and how much is tested" }
var strategy: strategy = rolling { describe "How the change reaches the machines" }
var downtime: duration = 0s { describe "How long users are without the service" }
var migrations: list(string) = ["0021_shared_boards", "0022_board_index"] { describe "In their order" }
var ui_changed: bool = true
var security_sensitive: bool = false
var customer_facing: bool = true

let expedited = release.kind == patch or release.kind == hotfix
let offline = release.strategy == maintenance
let staging_url: url = "https://api.staging.acme.example"

secret github_token = getenv("GH_TOKEN")

link dashboard "Release dashboard" "https://grafana.acme.example/d/octoacme"
link user_guide "User guide" "https://docs.acme.example/boards"
link ideas "Feature requests" "https://ideas.acme.example"

flag shared_boards "Boards shared across teams" { in = launch; default = off; owner = "boards" }

hosts web: ssh { addresses = ["web-1.acme.example", "web-2.acme.example", "web-3.acme.example"]; user = "deploy" }

# ── What ─────────────────────────────────────────────────────────────────────────────────────────────────

scope {
  highlight "Teams work on one board, wherever they are in the company"
  feature "Shared boards" { ticket = "ACME-401"; owner = "boards"; describe "Invite a team, choose what it may do" }
  feature "Comments on cards" { ticket = "ACME-417"; owner = "boards" }
  improvement "Search also finds archived cards"
  fix "Reminders are sent once, no longer twice, after a change of time zone" { ticket = "ACME-388" }
  database "Table board_shares and an index for it" { describe "Only adds: the version before does not see it" }
  upgrade "On your own machines" { describe "Run `acme upgrade 1.3`, restart the workers; `acme doctor` says ready" }
  known_issue "A shared board has no export" { workaround = "export it from its first team"; describe "Comes with 1.4" }
  deprecation "API v1" { removed_in = "2.0.0"; alternative = "API v2"; describe "Gone on 1 October 2030" }
  dependency "Redis 7.2 or newer" { audience = [technical] }
  security "CVE-2030-0001: updated the image library"
  performance "A board of 500 cards opens in 0.3 s instead of 0.9 s"
  contributor "The boards team, and the beta customers who tried it"
}

risk slow_boards "Large boards get slower" {
  probability = medium
  impact      = high
  owner       = tech_lead
  mitigation  = ["load test with the ten largest boards", "beta group first"]
  contingency = ["switch shared boards off", "roll back"]
  criteria    = [requirements.performance]
  covered_by  = [slow, promote]
}

# ── What is measured ─────────────────────────────────────────────────────────────────────────────────────

metric users_hit: percent "Users who see an error" { source = prod; query = "users:hit:5m"; unit = ratio; target < 1% }
metric log_errors: count "Errors logged in a minute" { source = prod; query = "octoacme:log_errors:1m"; target < 20 }
metric jobs: count "Background jobs that wait" { run "redis-cli -h redis.acme.example llen jobs"; target < 500 }
metric adoption: percent "Users who share boards" { run "./scripts/adoption.sh"; unit = percent; target > 25% }

gate verification "The new version does its work" {
  within 10m
  every = 30s
  pass after 2 in a row
  gate healthy
  gate smoke
  http GET "${base_url}/integrations" { expect json("$.failing") == 0 }
  expect error_rate < baseline + 1pp
  expect p95 < 1.2x baseline
  expect log_errors < 50
  expect jobs < 1000
}

# ── Before ───────────────────────────────────────────────────────────────────────────────────────────────

phase planning: prepare "Planning" at T-8w when not expedited {
  checklist outline "Eight weeks before" within 3w else stop {
    item goals "Goals and success metrics are defined" { by product_owner }
    item features "Features and scope are identified" { by product_owner }
    item dependencies "Dependencies and integration points are reviewed" { by tech_lead }
    item people "The people are available" { by release_manager }
    item timeline "The first timeline stands" { by release_manager }
  }
}

phase scope_freeze: prepare "Scope freeze" at T-4w when not expedited {
  checklist scoped "Four weeks before" within 1w else stop {
    item scope "The scope is final" { by product_owner }
    item test_plan "The test plan is written" { by qa_lead }
    item review_date "The readiness review has a date" { by release_manager }
    item procedure "The deployment runbook is prepared" { by devops }
  }
  notify [releases, mail] "OctoAcme ${release.version} goes live on ${format_time(release.start, "%d %B %Y, %H:%M %Z")}"
}

phase freeze: prepare "Code freeze" at T-14d when not expedited {
  checklist cut "Two weeks before" within 3d else stop {
    item branch "The branch is cut" { run "git rev-parse --verify release/${version}" }
    item testing "Integration and acceptance tests have begun" { by qa_lead }
    item draft "Release notes are drafted" { by product_owner }
    item way_back "The way back is prepared" { by devops }
    item scan "The security scan has run" { run "./scripts/scan-result.sh ${version}" }
  }
}

phase testing: prepare "Testing" at T-10d when not expedited {
  checklist tested "Tests and fixes are complete" within 3d else stop {
    item passed "Regression and integration tests pass" { by qa_lead }
    item fixes "What was found is fixed" { by tech_lead }
  }
}

phase readiness: prepare "Readiness" at T-7d when not expedited {
  checklist requirements "What every release must meet" within 4d else stop {
    group "Code quality" {
      item acceptance "All acceptance criteria are met" { by product_owner }
      item reviews "All changes are reviewed and approved" { by tech_lead }
      item merged "The code is merged" { run "git diff --quiet main release/${version}" }
      item bugs "No critical or high-severity bug is known" { run "./scripts/open-bugs.sh ${version} --max high" }
      item debt "Technical debt is written down" { by tech_lead }
    }
    group "Testing" {
      item automated "Unit, integration and end-to-end tests pass" { run "./scripts/ci-green.sh ${version}" }
      item coverage "Coverage" { run "./scripts/coverage.sh ${version} --least 80" { capture coverage = trim(stdout) } }
      item manual "Tested by hand, by the test plan" { by qa_lead }
      item uat "Accepted by users" { by product_owner }
      item performance "Performance is tested" { run "./scripts/load-test-result.sh ${version}" }
      item scan "The security scan found nothing critical" { run "./scripts/scan-result.sh ${version}" }
      item access "Accessibility is tested" when ui_changed { by qa_lead }
    }
    group "Documentation" {
      item notes "Release notes are reviewed" { by product_owner }
      item user_docs "User and API documentation is updated" { by product_owner }
      item runbooks "Internal runbooks are updated" { by devops }
      item known "Known issues are documented" { by qa_lead }
    }
    group "Infrastructure and operations" {
      item procedure "The deployment runbook is reviewed" { by devops }
      item drill "The way back was tried on staging" { expect last_rollback("staging") < 30d }
      item compatible "The migrations only add, and nothing is lost on the way back" when len(migrations) > 0 { by dba }
      item config "Changes of configuration are documented" { by devops }
      item capacity "Capacity is planned" { by devops }
      item staged "It runs in pre-production" { by devops }
      item alerts "Monitoring and alerts are configured" { run "./scripts/alerts.sh ${env}" }
    }
    group "Communication" {
      item stakeholders "Stakeholders know the date" { by release_manager }
      item briefed "Support is briefed" { by support_lead }
      item operations "Operations is ready" { by devops }
      item text "The message to customers is written" when customer_facing { by marketing }
      item responders "Who responds to an incident is known and there" { by oncall_lead }
    }
  }
  approve security_ok "Security agrees" when security_sensitive { by security_lead; within 2d else stop }
  approve ready "The release is ready" at T-3d {
    by all [qa_lead, tech_lead, product_owner, executive when release.kind == major]
    within 1d escalate chain else stop
    on denied stop
  }
}

phase short_way: prepare "The short way of a patch" at T-24h when expedited {
  checklist fixed "The fix and what is around it" within 4h else stop {
    item fix "The fix is tested" { by qa_lead }
    item around "Regression tests of what it touches pass" { run "./scripts/ci-green.sh ${version}" }
  }
  approve patch_ready "The patch is ready" { by all [tech_lead, product_owner]; within 2h escalate chain else stop }
}

phase day_before: prepare "The day before" at T-24h {
  checklist tomorrow "A day before" within 8h else stop {
    item met "All that is asked before a release is met" { by release_manager }
    item walked "The runbook was read together" { by devops }
    item way_back "The way back is ready" { by devops }
    item hours "Stakeholders agree to the window" { by release_manager }
    item alone "No other release or maintenance is planned" { by release_manager }
    item covered "Somebody is on call all the while" { by oncall_lead }
  }
  step backup "Back up the data" when len(migrations) > 0 {
    within 2h
    takes = 20m
    run "./scripts/backup.sh ${env} octoacme-${version}"
  }
  step snapshot "Take a snapshot of the machines" { within 1h; run "./scripts/snapshot.sh ${env} octoacme-${version}" }
}

phase staging: prepare "Staging" at T-4h {
  step to_staging "Deploy to staging" {
    within 45m
    takes = 10m
    run "./deploy.sh --environment staging --version ${version}"
  }
  gate smoke with url = staging_url
  checklist staged "On staging" within 2h else stop {
    item by_hand "The critical flows work by hand" { by qa_lead }
    item migrated "The migrations are applied" when len(migrations) > 0 { run "./migrate.sh status staging" }
    item outside "External systems answer" { http GET "${staging_url}/integrations" { expect json("$.failing") == 0 } }
    item config "The configuration is valid" { run "./config.sh validate staging ${version}" }
    item logs "The logs have no errors and no new warnings" { run "./scripts/log-errors.sh staging" }
    item fast "It is as fast as before" { run "./scripts/baseline.sh staging" }
  }
}

phase decision: prepare "Go or no-go" at T-45m {
  gate cluster
  # allow(RB706): whoever has not answered until then has said no; the chain is for what can wait
  approve final "Go?" { by release_manager; within 30m escalate chain else stop; on denied stop }
}

# ── The release ──────────────────────────────────────────────────────────────────────────────────────────

phase deployment: live "Deployment" at T+0 in release_hours within 2h else rollback {
  step maintenance_on "Switch maintenance mode on" when offline {
    takes = 30s
    run "./maintenance.sh ${env} on"
    undo { takes = 30s; run "./maintenance.sh ${env} off" }
  }
  step code "Deploy the code" {
    within 15m
    takes = 3m
    run "git checkout v${version}"
    run "./deploy.sh --environment ${env} --version ${version}"
    undo {
      takes = 3m
      run "git checkout v${release.previous}"
      run "./deploy.sh --environment ${env} --version ${release.previous}"
    }
  }
  for migration in migrations {
    step migrate "Apply ${migration}" {
      within 20m
      takes = 1m
      run "./migrate.sh up ${env} ${migration}"
      undo { takes = 1m; run "./migrate.sh down ${env} ${migration}" }
    }
  }
  step config "Update the configuration" {
    takes = 30s
    run "./config.sh apply ${env} ${version}"
    undo { takes = 30s; run "./config.sh apply ${env} ${release.previous}" }
  }
  step restart "Restart the services, one machine after the other" on web {
    within 20m
    takes        = 4m
    batch        = 33%
    max_failures = 1
    run "sudo systemctl restart octoacme"
    undo none "the rollback stops and starts the services itself"
  }
  step caches "Clear the caches" { takes = 30s; run "./clear-caches.sh ${env}"; undo none "a cache fills itself again" }
  step maintenance_off "Switch maintenance mode off" when offline {
    takes = 30s
    run "./maintenance.sh ${env} off"
    undo { takes = 30s; run "./maintenance.sh ${env} on" }
  }
  gate verification at T+15m
  confirm flows "Sign up, make a board, invite somebody, pay" { by qa_lead; within 30m else rollback }
  step beta "Switch shared boards on for the beta group" { set shared_boards to on for segment("beta") }
}

phase watch: live "The first day, on the watch" {
  parallel first_day "The first day" {
    phase first_hour "After an hour" {
      checklist monitored "Monitoring" at T+1h within 4h else continue {
        item errors "Error rates and alerts are quiet" { expect error_rate < 2% }
        item speed "Performance is as it should be" { expect p95 < 500ms }
        item feedback "What users say was read" { by support_lead }
        item tickets "There are no unusual tickets" { by support_lead }
        item anomalies "What was odd is written down" { by devops }
      }
      notify [releases, mail, support] "OctoAcme ${release.version} is deployed" "Noted: ${execution.notes}"
    }
    hold day_one "Errors, speed and jobs, all day" until T+24h {
      fail after 20 in a row
      expect error_rate < 3%
      expect p95 < 2s
      expect jobs < 5000
    }
  }
}

# ── After ────────────────────────────────────────────────────────────────────────────────────────────────

phase next_day: after "The day after" {
  checklist followed_up "After a day" at T+24h within 1d else continue {
    item compared "The metrics of a day are held against those before" { by devops }
    item delayed "Nothing shows late" { by tech_lead }
    item support "Support was heard" { by support_lead }
    item goals "The dashboard of the goals is updated" { by product_owner }
    item lessons "Lessons are written down" { by release_manager }
    item thanks "The team was thanked" { by release_manager }
  }
  step close "Close the release ticket" {
    run "gh issue close release-${version} --comment 'Live since yesterday'" { env = { GH_TOKEN = github_token } }
  }
}

phase first_week: after "The first week" {
  parallel together "Reviews, rollout and retrospective" {
    phase days "Every day" {
      for day in [T+2d, T+3d, T+4d, T+5d, T+6d, T+7d] {
        confirm daily "Dashboard and adoption are reviewed" at day { by release_manager; within 1d else continue }
      }
    }
    ramp wider: shared_boards "Shared boards for everybody" through [25%, 50%, 100%] { hold for 24h; gate promote }
    checklist retro "Retrospective" at T+5d within 2d else continue {
      describe "Overview 5 min, what went well 15, what to improve 15, metrics 10, action items 15"
      item held "Release manager, tech lead, QA, product, developers and DevOps were there" { by release_manager }
      item learned "What was learned is written down" { by release_manager }
      item actions "Action items have an owner and a date" { by release_manager }
      item numbers "The metrics are held against earlier releases" { by devops }
    }
  }
}

phase first_month: after "The first month" {
  for week in [T+14d, T+21d, T+28d] {
    confirm weekly "The release is held against its goals" at week { by product_owner; within 2d else continue }
  }
  gate adoption_reached "One user in five has shared a board" at T+30d { expect adoption > 20% }
  question satisfaction: number "How satisfied are the users, of five?" { by product_owner; within 3d else continue }
  question next: string "What should follow?" when satisfaction < 4 { by product_owner; within 3d else continue }
  notify [releases, mail] "OctoAcme ${release.version} after a month" "Adoption ${adoption}, satisfaction ${satisfaction}"
}

# ── What is said, by the clock ───────────────────────────────────────────────────────────────────────────

comms {
  every 7d from T-8w until T-7d { notify releases "Review the plan of ${release.version}: ${link.calendar}" }
  notify [releases, mail] "OctoAcme ${release.version} in two weeks" at T-14d """
    ${scope.features}
    ${scope.improvements}
    The way we go: ${link.guide}
    """
  notify support "Known issues of ${release.version}" at T-7d "${scope.known_issues}"
  notify customers "New boards are coming" at T-3d when customer_facing """
    ${format_time(release.start, "%d %B, %H:%M %Z")}, downtime ${release.downtime}: ${scope.features}
    """
  notify [releases, mail] "OctoAcme ${release.version} tomorrow" at T-24h "It takes about ${plan.duration}"
  notify status "Maintenance" at T-24h when offline "We update OctoAcme" { state = scheduled; from = T+0; to = T+1h }
  notify [releases, war_room] "OctoAcme ${release.version} in an hour" at T-1h "On call: ${primary_oncall.members}"
  every 15m from deployment until deployment.done {
    notify war_room "${execution.progress}, error rate ${error_rate}, p95 ${p95}: ${link.dashboard}"
  }
  notify customers "New boards are live" from deployment.done when customer_facing "How they work: ${link.user_guide}"
}

on started { notify [releases, war_room, support] "Deployment of OctoAcme ${release.version} begins" }
on completed { notify [releases, mail] "OctoAcme ${release.version} is done" "Thank you all. Wishes: ${link.ideas}" }
on stopped { notify [releases, mail] "OctoAcme ${release.version} was stopped" "${event.reason}" }
on paused { notify [oncall, incidents] "The release waits for a person" "${event.reason}" }
on stuck { notify [oncall, incidents] "The rollback is stuck" "${event.reason}. Call ${oncall_lead.contact}" }
on unhealthy { notify [oncall, incidents] "Rolled back and not healthy" "${event.reason}" }

# ── When it goes wrong ───────────────────────────────────────────────────────────────────────────────────

trigger errors "Ten times as many errors as usual" {
  when error_rate > 10x baseline for 2m
  severity = sev1
  no data pause for oncall_lead within 10m else rollback
}

trigger corruption "The data are not whole" {
  when not data_intact for 1m
  severity = sev1
  from code
}

trigger slow "Half as slow again as usual" { when p95 > 1.5x baseline for 5m; severity = sev2 }

trigger many_users "More than half of the users see errors" { when users_hit > 50% for 5m; severity = sev2 }

trigger some_users "Some users see errors" { when users_hit > 5% for 10m; severity = sev3 }

trigger backlog "Jobs pile up" { when jobs > 1000 for 15m; severity = sev4 }

trigger cascade "Other systems fail because of it" { manual by any [primary_oncall, oncall_lead]; severity = sev1 }

trigger unexplained "Nobody finds the cause" { manual by any [oncall_lead, tech_lead]; severity = sev2 }

rollback "Back to ${release.previous}" {
  rto = 30m
  notify [incidents, war_room, oncall] "Rolling back OctoAcme ${release.version}" """
    ${event.reason}. Decided by ${event.by}, led by ${event.commander}; at most ${event.eta}.
    """
  notify status "We go back to the version before; it takes at most ${event.eta}" {
    state      = investigating
    components = ["Application"]
  }
  every 10m { notify incidents "${execution.progress}, error rate ${error_rate}" }
  step halt "Stop the services" on web { takes = 1m; run "sudo systemctl stop octoacme" }
  undo
  step begin "Start the services" on web { takes = 2m; run "sudo systemctl start octoacme" }
  gate healthy
  hold stable "It stays so" for 5m { expect error_rate < 2% }
  notify [releases, support, execs] "OctoAcme is back at ${release.previous}" "Incident ${incident.id}: ${incident.url}"
  notify status "OctoAcme works again" "Everything is as before" { state = resolved; components = ["Application"] }
  after {
    checklist first_hours "Within an hour" within 1h else continue {
      item document "The post-mortem document exists" { by release_manager }
      item evidence "Logs and metrics are saved" { run "./scripts/save-evidence.sh ${env}" }
      item cause "The cause is named, if it is known" { by tech_lead }
    }
    question users_affected: int "How many users were affected?" { by support_lead; within 4h else continue }
    checklist first_days "Within a day" within 1d else continue {
      item talked "The people who were there have talked" { by release_manager }
      item plan "The fix has a plan, and how it will be tested" { by tech_lead }
      item learned "This runbook knows what was learned" { by devops }
      item date "The next release has a date" { by release_manager }
    }
    checklist postmortem "Post-mortem" within 48h else continue { item held "It was held" { by release_manager } }
  }
}

# ── Proof ────────────────────────────────────────────────────────────────────────────────────────────────

scenario routine "A minor release goes well" {
  given error_rate = 0.2%
  expect completed
  expect never started maintenance_on
  expect notified customers =~ "live"
}

scenario hotfix "A hotfix takes the short way" {
  given kind = hotfix
  given version = "1.2.4"
  given migrations = []
  expect completed
  expect never started requirements
}

scenario refused "An executive says no to a major release in a maintenance window" {
  given kind = major
  given version = "2.0.0"
  given strategy = maintenance
  given downtime = 30m
  at T-2d12h deny ready by "cto@acme.example"
  expect stopped
  expect never started maintenance_on
}

scenario spike "Errors while the machines restart" {
  given error_rate = 0.2%
  at T+6m error_rate = 12%
  expect rolled_back before T+40m
  expect undone [config, migrate, code]
  expect notified incidents =~ "Rolling back"
}

scenario silence "It gets slow, and nobody answers" {
  at T+2h p95 = 900ms
  expect rolled_back before T+3h
}

scenario data_broken "The data are not whole" {
  at T+40m data_intact = false
  at T+45m data_intact = true
  expect rolled_back before T+1h30m
}

scenario most_users "More than half of the users see errors" {
  at T+2h users_hit = 60%
  expect rolled_back before T+3h
}

scenario some_see_errors "A few users see errors for a while" {
  at T+2h users_hit = 8%
  at T+2h30m users_hit = 0%
  expect completed
}

scenario jobs_pile "Jobs pile up" {
  at T+2h jobs = 2000
  at T+2h30m jobs = 10
  expect completed
}

scenario others_fail "Other systems fail because of it" {
  at T+2h fire cascade
  expect rolled_back before T+3h
}

scenario no_cause "Nobody finds the cause" {
  at T+2h fire unexplained
  expect rolled_back before T+3h
}

scenario intruder "A breach" {
  at T+2h fire breach
  expect rolled_back before T+3h
}

scenario broken_feature "A central feature is broken" {
  at T+2h fire broken
  expect rolled_back before T+3h
}

scenario blind "Nobody sees the errors" {
  at T+2h error_rate = none
  expect rolled_back before T+3h
}
