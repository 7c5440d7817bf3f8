# A rolling release: machine by machine, with a look at each.
#
#   runbook check deploy.rb          what is wrong in it
#   runbook test deploy.rb           its scenarios, in virtual time
#   runbook rehearse deploy.rb       every fault at every step: where would it leave you?
#   runbook run deploy.rb --dry-run  the plan
#
# The scripts are yours: each `./scripts/…` is a place where this release does something. Everything else can be tried now.

runbook shop "Rolling release" { timezone = "UTC" }

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

phase deployment: live "Deployment" at T+0 {
  for n in [1, 2, 3] {
    step pod "New version on machine ${n}" {
      takes = 2m
      within 10m
      run "./scripts/deploy.sh web-${n} ${version}"
      gate healthy
      undo {
        takes = 2m
        run "./scripts/deploy.sh web-${n} ${previous}"
      }
    }
    hold for 5m { expect error_rate < 5% }
  }
}

trigger errors "Error rate above 5 %" { when error_rate > 5% for 2m }

rollback "Back to ${release.previous}" {
  rto = 20m
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
  expect never started deployment
}

scenario errors "Errors after the second machine" {
  at T+10m error_rate = 7%
  expect rolled_back before T+20m
  expect undone [pod.2, pod.1]
  expect never started pod.3
}

scenario sick "The first machine does not come up" {
  given gate healthy fails 30 times
  expect rolled_back
  expect undone [pod.1]
}

scenario crash "The laptop dies in the middle" {
  crash at T+1m
  expect completed
}
