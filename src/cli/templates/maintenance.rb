# Maintenance in a window: backup, the change, proof, and users are back.
#
#   runbook check deploy.rb          what is wrong in it
#   runbook test deploy.rb           its scenarios, in virtual time
#   runbook rehearse deploy.rb       every fault at every step: where would it leave you?
#   runbook run deploy.rb --dry-run  the plan
#
# The scripts are yours: each `./scripts/…` is a place where this release does something. Everything else can be tried now.

runbook shop "Maintenance" { timezone = "UTC" }

release {
  version  = version
  previous = previous
}

var version: semver = "1.1.0" { describe "The version that is released" }
var previous: semver = "1.0.0" { describe "The version that serves now" }

channel room: console {}

metric error_rate: percent "Error rate" {
  run "./scripts/error-rate.sh"
  unit  = percent
  every = 15s
  target   < 1%
  critical > 5%
}

gate healthy "It answers, and it is the right version" {
  within 5m
  every = 10s
  pass after 3 in a row
  run "./scripts/healthy.sh"
}

phase readiness: prepare "Readiness" {
  gate tests "The tests pass" {
    within 10m
    every = 1m
    run "./scripts/tests-passed.sh ${version}"
  }
}

phase work: live "Maintenance" at T+0 within 3h else rollback {
  step page_on "The maintenance page" {
    takes = 10s
    within 2m
    run "./scripts/maintenance.sh on"
    undo {
      takes = 10s
      run "./scripts/maintenance.sh off"
    }
  }
  step backup "Back up the database" {
    takes = 10m
    within 30m
    run "./scripts/backup.sh"
    undo none "a backup changes nothing"
  }
  step migrate "Migrate" {
    takes = 20m
    within 1h
    run "./scripts/migrate.sh ${version}"
    undo {
      takes = 15m
      run "./scripts/restore.sh"
    }
  }
  gate healthy
  step page_off "Users are back" {
    takes = 10s
    within 2m
    run "./scripts/maintenance.sh off"
    undo {
      takes = 10s
      run "./scripts/maintenance.sh on"
    }
  }
  hold for 10m { expect error_rate < 5% }
}

trigger errors "Error rate above 5 %" { when error_rate > 5% for 2m }

rollback "Back to ${release.previous}" {
  rto = 45m
  notify room "Rolling back ${release.version}: ${event.reason}"
  undo
  gate healthy
}

on completed { notify room "${release.version} is live, error rate ${error_rate}" }
on rolled_back { notify room "${release.previous} serves again" }
on unhealthy { notify room "Rolled back and not healthy: ${event.reason}" }
on stuck { notify room "The way back is stuck, a person is needed: ${event.reason}" }
on paused { notify room "Waiting for a person: ${event.reason}" }
on stopped { notify room "Stopped, nothing was changed: ${event.reason}" }

scenario routine "It goes well" {
  expect completed
  expect notified room =~ "is live"
}

scenario red "The tests are red" {
  given gate tests fails
  expect stopped
  expect never started page_on
}

scenario slow "The migration hangs" {
  given step migrate hangs
  expect rolled_back before T+2h
  expect undone [migrate, page_on]
}

scenario errors "Errors when the users are back" {
  at T+32m error_rate = 7%
  expect rolled_back before T+1h
  expect undone [page_off, migrate, page_on]
}

scenario crash "The laptop dies in the middle" {
  crash at T+1m
  expect completed
}
