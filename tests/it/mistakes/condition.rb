runbook storefront "Storefront release" {}

metric error_rate: percent { run "error-rate"; unit = percent; baseline = 0.4% }
metric load: percent { run "load"; unit = percent }

phase deployment: live {
  step deploy { run "deploy"; undo none "x" }
  gate g { within 5m; expect 1% < error_rate < 5% }
  gate h { within 5m; expect error_rate = 5% and load =< 90% }
}

trigger a { when error_rate > 5% or load > 90% for 2m }
trigger b { when error_rate > 5% & load > 90% }
trigger c { when 5% > 4% }
