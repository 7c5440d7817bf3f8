# A rolling release in small: three instances of a demo shop behind a traffic split, a database with two
# migrations, a smoke test with a login, and a trigger that watches the error rate.
#
#   runbook run runbooks/quickstart.rb --yes                    ends `completed`
#   runbook run runbooks/quickstart.rb --yes --var fail=30%     the new version is bad: ends `rolled back`
#   cargo run --example shop -- down                            stops the shop

runbook quickstart "Rolling release of the demo shop" {
  owner   = "team-shop"
  inherit = ["CARGO_HOME", "RUSTUP_HOME", "CARGO_TARGET_DIR"]
}

release {
  version  = version
  previous = "1.1.4"
  kind     = minor
  strategy = rolling
  downtime = 0s
  describe "Two versions serve side by side for a quarter of a minute; both know the new tables."
}

var version: semver = "1.2.0"
var fail: percent = 0% { describe "How many requests the new version answers with an error" }
var shop: string = "target/debug/examples/shop" { describe "The demo shop's program" }
var data: string = "target/quickstart" { describe "Where it keeps its things" }

fact base: url = run "${shop} --dir ${data} url"

channel room: console {}

metric error_rate: percent "Error rate" {
  http GET "${base}/metrics"
  path  = "$.error_rate"
  unit  = ratio
  every = 1s
  target   < 1%
  warn     > 1%
  critical > 5%
}

metric p95: duration "95th percentile of the latency" {
  http GET "${base}/metrics"
  path  = "$.p95"
  unit  = ms
  every = 1s
  target < 200ms
}

gate healthy "The shop is healthy" {
  within 10s
  every = 500ms
  pass after 2 in a row
  http GET "${base}/health" {
    expect status == 200
    expect json("$.status") == "ok"
    expect latency < 500ms
  }
}

gate recovered "The old version serves without errors" {
  within 20s
  every = 1s
  gate healthy
  expect error_rate < 1%
}

gate smoke "A user can log in and see the others" {
  within 10s
  every = 1s
  http POST "${base}/login" {
    reads = true
    json  = { email = "test@shop.example" }
    capture token: secret = json("$.access_token")
  }
  http GET "${base}/users" {
    header = { Authorization = "Bearer ${token}" }
    expect json("$.users[0]") != ""
  }
}

phase preparation: prepare "Preparation" {
  step build "Build the demo shop" {
    within 15m
    run "cargo build --quiet --example shop"
  }
  step up "Start version ${release.previous}" { run "${shop} --dir ${data} up ${release.previous}" }
}

phase deployment: live "Deployment" at T+0 {
  step backup "Back up the database" {
    run "${shop} --dir ${data} backup"
    undo none "a backup changes nothing"
  }

  for file in ["0015_preferences", "0016_notifications"] {
    step migrate "Apply ${file}" {
      takes = 1s
      run "${shop} --dir ${data} sql runbooks/quickstart/migrations/${file}.sql"
      undo { run "${shop} --dir ${data} sql runbooks/quickstart/rollback/${file}.sql"; takes = 1s }
    }
  }

  for p in [
    { n = 1, share = 33%, at = T+5s },
    { n = 2, share = 67%, at = T+10s },
    { n = 3, share = 100%, at = T+15s },
  ] {
    step pod "Deploy instance ${p.n}, ${p.share} of the traffic" at p.at {
      within 30s
      run "${shop} --dir ${data} version ${p.n}" {
        reads = true
        capture before = trim(stdout)
      }
      run "${shop} --dir ${data} share" {
        reads = true
        capture share = trim(stdout)
      }
      run "${shop} --dir ${data} deploy ${p.n} ${version} --fail=${fail}"
      run "${shop} --dir ${data} split ${p.share}"
      gate healthy
      undo {
        takes = 3s
        run "${shop} --dir ${data} deploy ${p.n} ${before}"
        run "${shop} --dir ${data} split ${share}"
      }
    }
    hold for 3s { expect error_rate < 50% }
  }

  gate smoke
}

trigger errors "Error rate above 5 %" {
  when error_rate > 5% for 2s
}

rollback "Back to ${release.previous}" {
  rto = 1m
  notify room "Rolling back ${release.version}: ${event.reason}"
  undo
  gate recovered
}

on completed { notify room "Version ${release.version} is live, error rate ${error_rate}" }
on rolled_back { notify room "Version ${release.previous} serves again, error rate ${error_rate}" }
on paused { notify room "Waiting for a person: ${event.reason}" }
on stuck { notify room "The way back is stuck, a person is needed: ${event.reason}" }

# ── Tried out before it happens: `runbook test runbooks/quickstart.rb` ─────────────────────────────────────────

scenario good "All three instances are replaced" {
  expect completed before T+1m
  expect step pod.2 started at T+10s
  expect notified room =~ "Version 1.2.0 is live"
}

scenario bad "The new version answers with errors" {
  at T+7s error_rate = 30%
  expect rolled_back before T+20s
  expect undone [pod.1, migrate.0016_notifications, migrate.0015_preferences]
  expect notified room =~ "serves again"
  expect never started pod.2
}

scenario sick "The first instance does not come up" {
  given gate healthy fails
  expect rolled_back
  expect undone [pod.1, migrate.0016_notifications, migrate.0015_preferences]
}

scenario no_login "Nobody can log in" { given gate smoke fails; expect rolled_back; expect duration < 1m }

scenario still_bad "Errors after the way back, too" {
  given gate recovered fails
  given step pod.2 fails
  expect unhealthy
}

scenario jammed "An undo fails" {
  given step pod.2 fails
  given undo pod.1 fails
  expect stuck
  expect notified room =~ "a person is needed"
}

scenario crash "The laptop dies while the second instance is deployed" { crash at T+12s; expect completed }
