# The release and deployment guide of the organisation as one runbook, from the plan eight weeks before (T-8w) to the
# review a month after (T+30d). Every list of the guide is here with all of its items, in the guide's words.
#
# It runs anywhere: each command is `./do.sh WORD …`, which exits with 0 and prints `ok`. Only `./do.sh metric NAME`
# prints a number:
#
#   error_rate  -> 0.2   percent of the requests that fail      (usual 0.2, target < 1, critical > 5)
#   p95         -> 180   milliseconds                           (usual 180, target < 250, warn > 300)
#   users_hit   -> 0.1   percent of the users who see an error  (target < 1)
#   log_errors  -> 3     errors logged in a minute              (target < 20)
#   jobs        -> 40    background jobs that wait              (target < 500)
#   tickets     -> 2     new support tickets in an hour         (target < 10)
#
# Who says what, in the order in which it is asked: answers.json

runbook guide "OctoAcme release" {
  owner    = "team-release"
  timezone = "America/Los_Angeles"
  lock     = "octoacme-production"
  grace    = 5s
}

release {
  version  = version
  previous = previous
  kind     = kind
  strategy = maintenance
  manager  = release_manager
  start    = start
  downtime = 15m
  describe "A change of the data that both versions cannot share goes by a maintenance window: simple, in full control; users are told"
  goal "One user in five has shared a board within a month"
  goal "No more than 0.3 % failed requests in the first week"
}

var start: instant = 2030-05-14T10:00:00-07:00 { describe "T+0, a Tuesday" }
var version: semver = "1.3.0" { describe "The version that is released" }
var previous: semver = "1.2.3" { describe "The version that serves now" }
var kind: release_kind = minor { describe "Decides who agrees, and how long before it begins" }
var smtp: url = "smtp://127.0.0.1:2525"
var status_url: url = "https://api.statuspage.io"
var migrations: list(string) = ["0021_shared_boards", "0022_board_index"] { describe "In their order" }
var maintenance_mode: bool = true { describe "Users see the maintenance page while it is deployed" }
var ui_changed: bool = true
var api_changed: bool = true
var external_facing: bool = true { describe "Customers notice it" }
var security_sensitive: bool = true

let expedited = release.kind == patch or release.kind == hotfix
let what = "OctoAcme ${release.version}"
let data_changed = len(migrations) > 0

secret slack_hook = getenv("SLACK_HOOK")
secret status_token = getenv("STATUS_TOKEN")
secret war_room_hook = getenv("WAR_ROOM_HOOK")

link guide_page "Release and deployment guide" "https://wiki.acme.example/release-guide"
link calendar "Release calendar" "https://calendar.acme.example/releases"
link dashboard "Release dashboard" "https://grafana.acme.example/d/octoacme"
link user_guide "User guide" "https://docs.acme.example/boards"
link issues "Report an issue" "https://issues.acme.example/new"

# ── What ─────────────────────────────────────────────────────────────────────────────────────────────────

scope {
  highlight "Teams work on one board, wherever they are in the company"
  feature "Shared boards" { ticket = "ACME-401"; owner = "boards" }
  feature "Comments on cards" { ticket = "ACME-417"; owner = "boards" }
  improvement "Search also finds archived cards"
  fix "Reminders are sent once after a change of time zone" { ticket = "ACME-388" }
  database "Table board_shares and an index for it"
  known_issue "A shared board has no export" { workaround = "export it from its first team" }
  deprecation "API v1" { removed_in = "2.0.0"; alternative = "API v2" }
  dependency "Redis 7.2 or newer" { audience = [technical] }
  security "CVE-2030-0001: updated the image library"
  performance "A board of 500 cards opens in 0.3 s instead of 0.9 s"
  contributor "The boards team, and the beta customers who tried it"
}

risk migration "A migration fails half way" {
  probability = low
  impact      = critical
  owner       = sre
  mitigation  = ["tried on staging with production-like data", "backup the day before"]
  contingency = ["undo it", "restore the backup"]
  covered_by  = [migrate, backup, data_intact]
}

risk slow_boards "Large boards get slower" {
  probability = medium
  impact      = high
  owner       = tech_lead
  mitigation  = ["load test with the ten largest boards"]
  contingency = ["roll back"]
  covered_by  = [slow, verification, watch]
}

# ── Where it is said ─────────────────────────────────────────────────────────────────────────────────────

channel announce: slack "Engineering" { webhook = slack_hook }

channel mail: email "Stakeholders" {
  smtp = smtp
  from = "release@acme.example"
  to   = ["eng@acme.example", "support@acme.example"]
}

channel status: statuspage "Status page" { page = "kctbh9vrtdwd"; token = status_token; url = status_url }

channel hook: webhook "War room" { url = war_room_hook }

channel desk: console {}

# ── Who ──────────────────────────────────────────────────────────────────────────────────────────────────

role release_manager "Release manager" {
  members = ["release@acme.example"]
  backup  = ["deputy@acme.example"]
  reach   = [mail, announce]
  contact = { phone = "+1 555 0100" }
  self    = true
  describe "Coordinates planning and execution, keeps the calendar, decides go or no-go, coordinates a rollback, follows the metrics"
}

role product_owner "Product owner" {
  members = ["product@acme.example"]
  reach   = [mail]
  contact = { slack = "#product" }
  describe "Approves scope and priorities, validates the acceptance criteria, tells stakeholders what it is worth"
}

role qa_lead "QA lead" {
  members = ["qa@acme.example"]
  reach   = [mail, announce]
  contact = { slack = "#quality" }
  describe "Signs off on test completion, judges readiness by quality, coordinates acceptance testing"
}

role tech_lead "Tech lead" {
  members = ["tech@acme.example"]
  backup  = ["tech-backup@acme.example"]
  reach   = [mail, announce]
  contact = { phone = "+1 555 0101" }
  describe "Reviews technical readiness and risks, sees that the procedures are tested, works with infrastructure"
}

role sre "SRE" {
  members = ["sre@acme.example"]
  reach   = [announce, hook]
  contact = { phone = "+1 555 0104" }
  duty "sre-oncall@acme.example" from T-1d to T+3d
  describe "Executes the deployment, watches production, changes infrastructure"
}

role security "Security" {
  members = ["security@acme.example"]
  reach   = [mail]
  contact = { phone = "+1 555 0102" }
}

role support_lead "Support lead" {
  members = ["support-lead@acme.example"]
  reach   = [mail, announce]
  contact = { slack = "#support" }
  describe "Knows what users see and how many of them"
}

role executive "Executive stakeholder" {
  members = ["cto@acme.example"]
  reach   = [mail]
  contact = { phone = "+1 555 0103" }
}

escalation chain { level sre within 15m; level tech_lead within 30m; level executive }

escalation at_the_door { level tech_lead within 2m; level executive }

# ── When ─────────────────────────────────────────────────────────────────────────────────────────────────

window release_hours "Release hours" { days = [mon, tue, wed, thu]; from = 06:00; to = 16:00 }

blackout half_year "Half-year close" { from = 2030-06-28; to = 2030-07-02; reason = "Finance closes the books" }

blackout thanksgiving "Thanksgiving and Black Friday" {
  from   = 2030-11-25
  to     = 2030-12-02
  reason = "The busiest week of the shops"
}

# ── What is measured ─────────────────────────────────────────────────────────────────────────────────────

metric error_rate: percent "Error rate" {
  run "./do.sh metric error_rate"
  unit     = percent
  every    = 30s
  baseline = 0.2%
  floor    = 0.1%
  target   < 1%
  warn     > 1%
  critical > 5%
}

metric p95: duration "95th percentile of the response time" {
  run "./do.sh metric p95"
  unit     = ms
  every    = 30s
  baseline = 180ms
  target   < 250ms
  warn     > 300ms
  critical > 1s
}

metric users_hit: percent "Users who see an error" {
  run "./do.sh metric users_hit"
  unit  = percent
  every = 1m
  target < 1%
}

metric log_errors: count "Errors logged in a minute" { run "./do.sh metric log_errors"; every = 1m; target < 20 }

metric jobs: count "Background jobs that wait" { run "./do.sh metric jobs"; every = 1m; target < 500 }

metric tickets: count "New support tickets in an hour" { run "./do.sh metric tickets"; every = 1m; target < 10 }

gate healthy "The application answers" {
  within 5m
  every = 15s
  pass after 2 in a row
  run "./do.sh health production"
  run "./do.sh database production"
}

gate data_intact "The data are whole" { every = 1m; run "./do.sh verify-data production" }

# ── Before ───────────────────────────────────────────────────────────────────────────────────────────────

phase planning: prepare "Planning" at T-8w when not expedited {
  checklist plan_8w "8 weeks before" within 4w else stop {
    item goals "Define release goals and success metrics" { by product_owner }
    item features "Identify features and scope" { by product_owner }
    item dependencies "Review dependencies and integration points" { by tech_lead }
    item resources "Assess resource availability" { by release_manager }
    item timeline "Create initial release timeline" { by release_manager }
  }
}

phase feature_freeze: prepare "Feature freeze" at T-4w when not expedited {
  checklist plan_4w "4 weeks before" within 2w else stop {
    item scope "Finalize release scope (feature freeze)" { by product_owner }
    item test_plan "Create detailed test plan" { by qa_lead }
    item review "Schedule release readiness review" { by release_manager }
    item procedure "Prepare deployment runbook" { by sre }
    item date "Notify stakeholders of release date" { by release_manager }
  }
}

phase code_freeze: prepare "Code freeze" at T-2w when not expedited {
  checklist plan_2w "2 weeks before" within 1w else stop {
    item branch "Code freeze (branch cut)" { run "./do.sh branch release/${version}" }
    item testing "Begin integration and acceptance testing" { by qa_lead }
    item notes "Draft release notes" { by product_owner }
    item way_back "Prepare rollback procedure" { by sre }
    item scan "Conduct security scanning" { run "./do.sh scan ${version}" }
  }
}

phase readiness: prepare "Readiness" at T-1w {
  checklist requirements "Pre-release requirements" within 3d else stop {
    group "Code quality" {
      item acceptance "All acceptance criteria met for included features" { by product_owner }
      item reviews "All PRs reviewed and approved per team policy" { by tech_lead }
      item merged "Code merged to release branch" { run "./do.sh merged release/${version}" }
      item bugs "No known critical or high-severity bugs" { run "./do.sh open-bugs ${version} --most high" }
      item debt "Technical debt documented for follow-up" { by tech_lead }
    }
    group "Testing" {
      item automated "All automated tests passing (unit, integration, E2E)" { run "./do.sh ci-green ${version}" }
      item manual_tests "Manual testing completed per test plan" { by qa_lead }
      item uat "User acceptance testing (UAT) signed off" { by product_owner }
      item performance "Performance testing completed" { run "./do.sh load-test ${version}" }
      item scanned "Security scanning passed" { run "./do.sh scan-result ${version}" }
      item access "Accessibility testing completed" when ui_changed { by qa_lead }
    }
    group "Documentation" {
      item release_notes "Release notes drafted and reviewed" { by product_owner }
      item user_docs "User documentation updated" { by product_owner }
      item api_docs "API documentation updated" when api_changed { by tech_lead }
      item runbooks "Internal runbooks updated" { by sre }
      item known "Known issues documented" { by qa_lead }
    }
    group "Infrastructure and operations" {
      item procedure "Deployment runbook prepared and reviewed" { by sre }
      item drill "Rollback procedure documented and tested" { by sre }
      item scripts "Database migration scripts tested" when data_changed {
        run "./do.sh migrations-tested ${migrations}"
      }
      item config "Configuration changes documented" { by tech_lead }
      item capacity "Capacity planning completed" { by sre }
      item alerts "Monitoring and alerts configured" { run "./do.sh alerts production" }
    }
    group "Approvals" {
      item quality "QA Lead sign-off on quality" { by qa_lead }
      item technical "Tech Lead sign-off on technical readiness" { by tech_lead }
      item scope "Product Owner approval of scope" { by product_owner }
      item decision "Release Manager go/no-go decision" { by release_manager }
      item secure "Security approval" when security_sensitive { by security }
    }
    group "Communication" {
      item stakeholders "Stakeholders notified of release timing" { by release_manager }
      item support "Support team briefed on changes" { by support_lead }
      item operations "Operations team ready for deployment" { by sre }
      item customers "Customer communication prepared" when external_facing { by product_owner }
      item responders "Incident response team identified and available" { by sre }
    }
  }
  approve security_ok "Security agrees" when security_sensitive { by security; within 1d else stop; on denied stop }
  approve ready "The release is ready" {
    by all [tech_lead, product_owner, qa_lead when not expedited, executive when release.kind == major]
    within 1d escalate chain else stop
    on denied stop
    describe "A patch: tech lead and product owner. A minor release: the QA lead too. A major one: an executive as well"
  }
  checklist plan_1w "1 week before" within 1d else stop {
    item testing "Complete testing and bug fixes" { by qa_lead }
    item review "Conduct release readiness review" { by release_manager }
    item approvals "Obtain required approvals" { by release_manager }
    item briefed "Brief support and operations teams" { by support_lead }
    item staged "Stage release in pre-production" { run "./do.sh staged pre-production ${version}" }
  }
}

phase day_before: prepare "The day before" at T-24h {
  step backup "Back up production data" when data_changed {
    within 2h
    takes = 20m
    run "./do.sh backup production octoacme-${version}"
  }
  step snapshot "Take infrastructure snapshots" {
    within 1h
    takes = 10m
    run "./do.sh snapshot production octoacme-${version}"
  }
  checklist pre_deployment "Pre-deployment (T-24 hours)" within 16h else stop {
    item met "Confirm all pre-release requirements met" { by release_manager }
    item walked "Review deployment runbook with team" { by sre }
    item way_back "Verify rollback procedure is ready" { by sre }
    item hours "Confirm deployment window with stakeholders" { by release_manager }
    item alone "Check for conflicting releases or maintenance" { run "./do.sh calendar-free production" }
    item covered "Ensure on-call coverage during deployment" { by sre }
    item backed_up "Back up production data" when data_changed { run "./do.sh backup-there octoacme-${version}" }
    item snapshots "Take infrastructure snapshots" { run "./do.sh snapshot-there octoacme-${version}" }
  }
}

phase staging: prepare "Staging" at T-4h {
  step to_staging "Deploy to staging environment" {
    within 45m
    takes = 10m
    retry 1 every 1m
    run "./do.sh deploy staging ${version}"
  }
  gate staged "Staging answers" { within 10m; every = 30s; run "./do.sh health staging" }
  checklist on_staging "Staging deployment (T-4 hours)" within 2h30m else stop {
    item deployed "Deploy to staging environment" { run "./do.sh deployed staging ${version}" }
    item smoke "Run automated smoke tests on staging" { run "./do.sh smoke staging" }
    item by_hand "Execute manual smoke test checklist" { by qa_lead }
    item migrated "Verify database migrations" when data_changed { run "./do.sh migrated staging ${migrations}" }
    item outside "Test integrations with external systems" { by qa_lead }
    item config "Validate configuration changes" { run "./do.sh config-valid staging ${version}" }
    item logs "Check logs for errors or warnings" { by sre }
    item fast "Performance baseline check" { run "./do.sh baseline staging" }
  }
}

phase decision: prepare "Go or no-go" at T-10m {
  gate ready_to_go "Production is as it should be" { run "./do.sh health production"; expect error_rate < 1% }
  approve final "Final go/no-go decision from Release Manager" {
    by release_manager
    within 9m escalate at_the_door else stop
    on denied stop
  }
}

# ── The release ──────────────────────────────────────────────────────────────────────────────────────────

phase deployment: live "Production deployment" at T+0 in release_hours within 2h else rollback {
  notify [announce, hook] "${what}: the deployment starts" "About ${plan.duration}. The numbers: ${link.dashboard}"
  step maintenance_on "Enable maintenance mode" when maintenance_mode {
    within 5m
    takes = 30s
    run "./do.sh maintenance on"
    undo { takes = 30s; run "./do.sh maintenance off" }
  }
  step code "Deploy application code" {
    within 15m
    takes = 3m
    retry 1 every 10s
    run "./do.sh image production" { reads = true; within 30s; capture image = trim(stdout) }
    run "./do.sh deploy production ${version}"
    undo { takes = 3m; run "./do.sh deploy production ${release.previous} --image=${image}" }
  }
  for migration in migrations {
    step migrate "Run database migration ${migration}" {
      within 10m
      takes = 1m
      run "./do.sh migrate up ${migration}"
      undo { takes = 1m; run "./do.sh migrate down ${migration}" }
    }
  }
  step config "Update configuration" {
    within 5m
    takes      = 30s
    idempotent = true
    run "./do.sh config production ${version}"
    undo { takes = 30s; run "./do.sh config production ${release.previous}" }
  }
  step restart "Restart services" {
    within 10m
    takes = 1m
    run "./do.sh restart production"
    gate healthy
    undo { takes = 1m; run "./do.sh restart production" }
  }
  step caches "Clear caches" {
    within 5m
    takes = 30s
    run "./do.sh caches clear"
    undo { takes = 30s; run "./do.sh caches clear" }
  }
  confirm reopen "The new version works behind the maintenance page" { by sre; within 15m else rollback }
  step maintenance_off "Disable maintenance mode" when maintenance_mode {
    within 5m
    takes = 30s
    run "./do.sh maintenance off"
    undo { takes = 30s; run "./do.sh maintenance on" }
  }
  step recorded "Deployment completed timestamp recorded" {
    within 1m
    takes = 5s
    run "./do.sh timestamp write ${version}"
    undo { takes = 5s; run "./do.sh timestamp remove ${version}" }
  }
  gate verification "The new version does its work" at T+15m {
    within 10m
    every = 30s
    pass after 2 in a row
    gate healthy
    run "./do.sh smoke production"
    expect error_rate < baseline + 1pp
    expect p95 < 1.2x baseline
    expect log_errors < 50
    expect jobs < 1000
  }
  checklist verified "Post-deployment verification (T+15 min)" within 20m else rollback {
    item accessible "Application is accessible and responding" { run "./do.sh accessible production" }
    item endpoints "Health check endpoints returning success" { run "./do.sh health production" }
    item flows "Critical user flows tested manually" { by qa_lead }
    item smoke "Automated smoke tests passed" { run "./do.sh smoke production" }
    item errors "Error rates within normal range" { expect error_rate < 1% }
    item speed "Response times within SLA" { expect p95 < 300ms }
    item logs "No spike in error logs or metrics" { expect log_errors < 50 }
    item database "Database connectivity confirmed" { run "./do.sh database production" }
    item integrations "Integration points functioning" { by tech_lead }
    item workers "Background jobs processing" { expect jobs < 1000 }
  }
  hold watch "Errors, speed and jobs" until T+50m {
    fail after 4 in a row
    expect error_rate < 2%
    expect p95 < 500ms
    expect jobs < 5000
  }
}

# ── After ────────────────────────────────────────────────────────────────────────────────────────────────

phase release_day: after "Release day" {
  checklist monitored "Post-deployment monitoring (T+1 hour)" at T+1h within 4h else continue {
    item alerts "Monitor error rates and alerts" { expect error_rate < 2% }
    item speed "Check application performance metrics" { expect p95 < 500ms }
    item feedback "Review user feedback channels" { by support_lead }
    item success "Verify success metrics improving" { by product_owner }
    item tickets "Confirm no unusual support tickets" { expect tickets < 20 }
    item anomalies "Document any issues or anomalies" { by sre }
    item announced "Announce successful deployment" { by release_manager }
  }
  checklist today "Release day" at T+8h within 8h else continue {
    item executed "Execute deployment checklist" { by sre }
    item watched "Monitor production health" { by sre }
    item announced "Announce release" { by release_manager }
    item there "Remain on-call for issues" { by sre }
  }
}

phase next_day: after "The day after" {
  checklist followed_up "Post-deployment follow-up (T+24 hours)" at T+24h within 12h else continue {
    item compared "Review 24-hour metrics vs baseline" { by sre }
    item delayed "Check for delayed issues or trends" { by tech_lead }
    item support "Gather feedback from support team" { by support_lead }
    item dashboard "Update success metrics dashboard" { by product_owner }
    item lessons "Document lessons learned" { by release_manager }
    item ticket "Close deployment ticket/issue" { run "./do.sh ticket-closed release-${version}" }
    item thanks "Thank and recognize deployment team" { by release_manager }
  }
}

phase first_week: after "The first week" {
  parallel week "Daily reviews and the retrospective" {
    phase days "Every day" {
      for day in [T+1d, T+2d, T+3d, T+4d, T+5d, T+6d, T+7d] {
        confirm daily "Dashboard, support and adoption reviewed" at day { by release_manager; within 20h else continue }
      }
    }
    phase looking_back "Retrospective" {
      checklist retro "Retrospective" at T+5d12h within 2d else continue {
        describe "Overview 5 min, what went well 15, what could be improved 15, metrics review 10, action items 15"
        item held "Release manager, tech lead, QA, product, developers and SRE were there" { by release_manager }
        item learned "Key learnings" { by tech_lead }
        item actions "Action items with owners and due dates" { by release_manager }
        item compared "Metrics comparison to previous releases" { by sre }
        item process "Process updates needed" { by qa_lead }
      }
      question action_items: int "How many action items came out of it?" { by release_manager; within 4h else continue }
    }
  }
}

phase first_month: after "The first month" {
  for review in [T+14d, T+21d, T+30d] {
    confirm weekly "The release is held against its goals" at review { by product_owner; within 2d else continue }
  }
  question adoption: percent "Which share of the users has shared a board?" {
    by product_owner
    within 2d else continue
  }
  question satisfaction: number "How satisfied are the users, of five?" { by support_lead; within 2d else continue }
  question follow_up: string "What should follow?" { by product_owner; within 2d else continue }
  notify [announce, mail] "${what} after a month" """
    Adoption ${adoption}, satisfaction ${satisfaction} of five, ${action_items} action items. Next: ${follow_up}
    """
}

# ── What is said, by the clock ───────────────────────────────────────────────────────────────────────────

comms {
  notify [announce, mail] "${what} goes live on ${format_time(release.start, "%d %B %Y, %H:%M %Z")}" at T-4w """
    The scope is final:
    ${scope.features}
    The calendar: ${link.calendar}
    """
  notify mail "${what}: code freeze" at T-2w """
    New:
    ${scope.features}
    Better:
    ${scope.improvements}
    Mended:
    ${scope.fixes}
    How we release: ${link.guide_page}
    """
  notify mail "${what}: for support and operations" at T-1w """
    Known issues:
    ${scope.known_issues}
    Deprecated:
    ${scope.deprecations}
    """
  notify mail "${what} is coming" at T-72h when external_facing "Downtime ${release.downtime}. New:\n${scope.features}"
  notify status "Maintenance" at T-48h "We update OctoAcme. It is not available for some minutes." {
    state = scheduled
    from  = T+0
    to    = T+1h
  }
  notify [announce, mail] "${what} tomorrow" at T-24h """
    From ${format_time(release.start, "%a %H:%M %Z")}, about ${plan.duration}. On call: ${sre.contact}
    """
  notify hook "${what}: staging" at T-4h "Staging is being deployed"
  notify [announce, hook] "${what} in an hour" at T-1h "Release manager: ${release.manager}"
  notify announce "${what}: go or no-go in five minutes" at T-15m "The numbers: ${link.dashboard}"
  notify status "Maintenance" from deployment "The update is running" { state = in_progress }
  every 15m from deployment until deployment.done {
    notify [hook, desk] "${what}: ${execution.progress}, error rate ${error_rate}, p95 ${p95}"
  }
  notify status "Maintenance" from deployment.done "The update is done, everything works" { state = resolved }
  notify [announce, mail] "${what} is live" at T+1h """
    New: ${link.user_guide}
    Anything odd: ${link.issues}
    """
  notify mail "${what}: the first four hours" at T+4h "Noted so far: ${execution.notes}"
  notify [announce, mail] "${what} after a day" at T+24h "The follow-up begins. The numbers: ${link.dashboard}"
  notify announce "${what}: retrospective" at T+5d "It is held today. Bring what went well, and what did not."
  notify mail "${what} after a week" at T+7d "The daily reviews are through: ${link.dashboard}"
  notify mail "${what} after two weeks" at T+14d "The first weekly review: ${link.dashboard}"
  notify announce "${what} after three weeks" at T+21d "The second weekly review: ${link.dashboard}"
  notify [announce, mail, hook] "${what}: the last review" at T+30d "The release is held against its goals today"
}

on started { notify [announce, desk] "The live part of ${what} begins" }

on completed {
  notify [announce, mail, desk] "${what} is done" "Thank you all: ${execution.progress} in ${execution.duration}"
}

on rolled_back { notify [announce, mail, hook, desk] "${what} was rolled back" "${event.reason}" }

on unhealthy { notify [announce, hook, desk] "${what} was rolled back and is not healthy" "${event.reason}" }

on stuck {
  notify [announce, hook, desk] "The way back is stuck at ${event.node}" "${event.reason}. Call ${tech_lead.contact}"
}

on stopped { notify [announce, mail, desk] "${what} was stopped" "${event.reason}" }

on denied { notify [announce, mail, desk] "${what}: somebody said no" "${event.node}: ${event.reason}" }

on late { notify [hook, desk] "${what} is late" "${event.node}: ${event.reason}" }

on paused { notify [hook, desk] "${what} pauses" "${event.reason}" }

on resumed { notify [hook, desk] "${what} goes on" }

# ── When it goes wrong ───────────────────────────────────────────────────────────────────────────────────

severity sev1 "SEV 1, critical: production is down, data are lost, or security is broken" {
  then rollback
  notify = [announce, mail, hook, desk]
}

severity sev2 "SEV 2, high: a major function is gone, or more than half of the users are hit" {
  ask any [release_manager, tech_lead] within 15m else rollback
  notify = [announce, mail, hook]
}

severity sev3 "SEV 3, medium: partly impaired, with a way around; fixed forward" {
  then continue
  notify = [announce, hook]
}

severity sev4 "SEV 4, low: cosmetic; fixed in the next release" { then continue; notify = [hook] }

trigger errors "Ten times as many errors as usual" {
  when error_rate > 10x baseline for 2m
  severity = sev1
  from code
  no data pause for sre within 10m else rollback
}

trigger corruption "The data are not whole" { when not data_intact for 1m; severity = sev1; from code }

trigger slow "Half as slow again as usual" { when p95 > 1.5x baseline for 5m; severity = sev2; from code }

trigger many_users "More than half of the users see errors" { when users_hit > 50% for 3m; severity = sev2; from code }

trigger some_users "Some users see errors" { when users_hit > 5% for 5m; severity = sev3; from code }

trigger noise "The logs fill with errors" {
  when log_errors > 100 for 5m
  severity = sev3
  then quick_fix
  from maintenance_off
}

trigger backlog "Jobs pile up" { when jobs > 1000 for 10m; severity = sev4; from maintenance_off }

trigger broken "Critical functionality broken" { manual by any [sre, tech_lead, support_lead]; severity = sev1 }

trigger breach "Security vulnerability introduced" { manual by any [security, sre]; severity = sev1 }

trigger cascade "Cascading failures to dependent systems" { manual by any [sre, tech_lead]; severity = sev1 }

trigger unexplained "Unable to diagnose the issue quickly" { manual by any [sre, tech_lead]; severity = sev2 }

response quick_fix "An obvious fix of low risk" within 15m else rollback {
  run "./do.sh quick-fix production"
  gate calm { within 10m; every = 1m; expect log_errors < 50 }
}

rollback "Back to ${release.previous}" {
  rto = 30m
  notify [announce, mail, hook] "${what} is rolled back" "${event.reason}. Decided by ${event.by}; at most ${event.eta}."
  notify status "Maintenance" "We go back to the version before; it takes at most ${event.eta}" { state = in_progress }
  every 10m { notify hook "Going back: ${execution.progress}, error rate ${error_rate}" }
  undo
  gate healthy
  hold stable "It stays so" for 5m { expect error_rate < 2% }
  notify [announce, mail] "OctoAcme is back at ${release.previous}" "Support knows: ${support_lead.contact}"
  notify status "Maintenance" "OctoAcme works again as before" { state = resolved }
  after {
    checklist at_once "Immediately after rollback" within 30m else continue {
      item stable_again "Verify system stability" { run "./do.sh health production" }
      item announced "Announce rollback completion" { by release_manager }
      item page "Update status page" { by support_lead }
      item briefed "Brief support team on status" { by support_lead }
    }
    checklist first_hour "Within 1 hour" within 1h else continue {
      item document "Create incident postmortem document" { by release_manager }
      item evidence "Capture logs and metrics for analysis" { run "./do.sh evidence production" }
      item cause "Identify root cause if known" { by tech_lead }
    }
    question users_affected: int "How many users were affected?" { by support_lead; within 4h else continue }
    checklist first_day "Within 24 hours" within 1d else continue {
      item talked "Conduct incident retrospective" { by release_manager }
      item fix "Create fix plan with testing approach" { by tech_lead }
      item list "Update release checklist with learnings" { by sre }
      item next "Schedule follow-up release" { by release_manager }
    }
    checklist postmortem "Post-mortem (within 48 hours)" within 48h else continue {
      item held "It was held" { by release_manager }
    }
  }
}
