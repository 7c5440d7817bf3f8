//! One thing broken in a runbook that is right: each is found, and at the line at which it is.

use crate::support::findings;

/// A way of breaking a runbook.
struct Mutation {
    /// What somebody did.
    kind: &'static str,
    /// What stands there.
    from: &'static str,
    /// What stands there then.
    to: &'static str,
    /// A piece of the line that the finding points at; empty where it is the changed line.
    at: &'static str,
}

const fn m(kind: &'static str, from: &'static str, to: &'static str) -> Mutation {
    Mutation { kind, from, to, at: "" }
}

const fn elsewhere(kind: &'static str, from: &'static str, to: &'static str, at: &'static str) -> Mutation {
    Mutation { kind, from, to, at }
}

const MUTATIONS: &[Mutation] = &[
    elsewhere("an undo is taken away", "\n    undo none \"a backup changes nothing\"", "", "step backup"),
    elsewhere(
        "an undo is emptied",
        "      undo {\n        takes = 1m\n        run \"kubectl exec",
        "      undo {\n      }\n      undo none \"x\"\n      #",
        "undo {",
    ),
    m("an undo has no reason", "undo none \"a backup changes nothing\"", "undo none"),
    m("a unit is changed", "expect latency < 500ms", "expect latency < 500%"),
    m("a unit is forgotten", "expect latency < 500ms", "expect latency < 500"),
    m("a unit is misspelt", "within 45m", "within 45mins"),
    m(
        "a percent is a fraction",
        "error_rate < 1%\n    expect payment_failures",
        "error_rate < 0.01\n    expect payment_failures",
    ),
    m("a percent of a percent", "baseline + 2pp", "baseline + 2%"),
    m("a metric is misspelt", "expect p95 < 3x baseline", "expect p59 < 3x baseline"),
    m("a gate is misspelt", "  gate data_intact\n\n  for", "  gate data_intackt\n\n  for"),
    m("a channel is misspelt", "notify log \"Pod", "notify lgo \"Pod"),
    m(
        "a variable is misspelt in a command",
        "set image deployment/app-${p.n} app=${registry}:${version}\"",
        "set image deployment/app-${p.n} app=${registri}:${version}\"",
    ),
    m("a setting is misspelt", "grace    = 30s", "grase    = 30s"),
    m("a keyword is misspelt", "step backup \"Back up", "stpe backup \"Back up"),
    m("a severity is misspelt", "severity = immediate\n  no data", "severity = imediate\n  no data"),
    m("a role is misspelt", "manager  = release_manager", "manager  = release_manger"),
    m("a kind is misspelt", "metric p95: duration", "metric p95: durration"),
    m("an enumeration is misspelt", "kind     = minor", "kind     = minro"),
    m("a node is misspelt", "from pod.1", "from pot.1"),
    m("a word is misspelt", "${event.eta}", "${event.etta}"),
    m("a member is misspelt", "${p.share} of the traffic", "${p.shar} of the traffic"),
    elsewhere("a metric is of another kind", "metric p95: duration", "metric p95: percent", "target   < 200ms"),
    elsewhere(
        "a limit is dropped",
        "  within 5m\n  every = 10s\n  pass after",
        "  every = 10s\n  pass after",
        "pass after 3 in a row",
    ),
    m("a limit is shorter than what it takes", "within 30m\n    takes = 4m", "within 2m\n    takes = 4m"),
    m("warn and critical are swapped", "critical > 5%", "critical > 0.5%"),
    m("a secret is put into a message", "It takes at most ${event.eta}", "It takes at most ${smoke_password}"),
    m("a secret is put into a command", "./scripts/backup.sh ${env}", "./scripts/backup.sh ${smoke_password}"),
    m("a secret is put into a URL", "${url}/health", "${url}/health?key=${smoke_password}"),
    m("a secret is written down", "getenv(\"RELEASES_WEBHOOK\")", "\"https://hooks.example/x\""),
    m("a pipe without a shell", "verify-data-integrity.sh ${env}\"", "verify-data-integrity.sh ${env} | tee log\""),
    m("a URL begins with a value", "http GET \"${url}/health\"", "http GET \"${registry}/health\""),
    elsewhere(
        "a gate changes something",
        "http POST \"${url}/auth/login\" {\n    reads = true",
        "http POST \"${url}/auth/login\" {",
        "http POST",
    ),
    elsewhere(
        "an undo uses what may not be there",
        "        reads = true\n        capture image = trim(stdout)",
        "        capture image = trim(stdout)",
        "app=${image}",
    ),
    m("a phase comes in the wrong order", "phase care: after", "phase care: prepare"),
    m(
        "a way back outside the live part",
        "  step close \"Close the release ticket\" {",
        "  step close \"Close the release ticket\" { undo { run \"x\" };",
    ),
    m("a stop in the middle", "within 3h else rollback", "within 3h else stop"),
    m("offsets run backwards", "at T-10m {", "at T-25h {"),
    elsewhere("a start is taken away", "  start    = start\n", "\n", "phase readiness"),
    m("a condition that is always false", "payment_failures > 2% for 1m", "payment_failures > 200% for 1m"),
    m(
        "a gate is looser than a trigger",
        "every = 30s\n    pass after 3 in a row\n    gate healthy\n    expect error_rate < 1%",
        "every = 30s\n    pass after 3 in a row\n    gate healthy\n    expect error_rate < 9%",
    ),
    m("a trigger that can never fire", "error_rate > 5% for 2m", "error_rate > 5% for 4h"),
    m("a number is a string", "pass after 3 in a row\n  http", "pass after \"3\" in a row\n  http"),
    m("a clause is a setting", "within 15m\n      takes", "within = 15m\n      takes"),
    m("one sign sets and does not compare", "expect status == 200", "expect status = 200"),
    m("another language's and", "expect token != \"\"", "expect token != \"\" && status == 200"),
    m("single quotes", "run \"./scripts/verify-data-integrity.sh ${env}\"", "run './scripts/verify-data-integrity.sh'"),
    m("a quote is lost", "channel log: console {}", "channel log: console \"Log {}"),
    m("a name is given twice", "trigger slow \"Slower", "trigger errors \"Slower"),
    m("a clause is said twice", "within 3m\n  every = 15s", "within 3m; within 3m\n  every = 15s"),
    m("something is declared and never used", "let registry =", "let unused_name = \"x\"\nlet registry ="),
    m("a path without its beginning", "json(\"$.database\")", "json(\".database\")"),
    m("a zone that does not exist", "\"America/Los_Angeles\"", "\"America/Los_Angles\""),
    m(
        "a value that the variable never has",
        "step image \"Pull",
        "notify log \"x\" when env == \"prod\"\n  step image \"Pull",
    ),
    elsewhere(
        "a risk that nothing answers",
        "probability = low\n  impact      = high\n  owner       = dba\n  mitigation  = [\"tried on staging with a copy of production\", \"none of them locks a table\"]\n  contingency = [\"the old version keeps serving; the rollback drops what was added\"]\n  covered_by  = [migrate, slow_migrations]",
        "impact = high\n  probability = medium\n #",
        "risk slow_migration",
    ),
    m(
        "a chained comparison",
        "expect error_rate < 1%\n    expect p95 < 500ms",
        "expect 0% < error_rate < 1%\n    expect p95 < 500ms",
    ),
    m("a `for` that could belong to two", "when p95 > 1s for 5m", "when p95 > 1s and error_rate > 1% for 5m"),
];

/// The same for what is said with people, flags, routers, the calendar, messages and scenarios.
const OF_THE_WHOLE_LANGUAGE: &[Mutation] = &[
    m("a start falls on a holiday", "start    = 2027-02-16T07:00:00Z", "start    = 2027-02-15T07:00:00Z"),
    m("a start lies outside its window", "start    = 2027-02-16T07:00:00Z", "start    = 2027-02-16T20:00:00Z"),
    m("a day is misspelt", "days = [mon, tue, wed, thu]", "days = [mon, teu, wed, thu]"),
    m("a window is misspelt", "at T+0 in mornings within 1h", "at T+0 in morings within 1h"),
    m("a blackout ends before it begins", "from = 2027-03-19; to = 2027-03-23", "from = 2027-03-19; to = 2027-03-09"),
    m("a role is misspelt in a question", "by any [tech_lead, dba]; within 5m", "by any [tech_led, dba]; within 5m"),
    elsewhere(
        "a role loses its members",
        "role qa_lead \"Quality, with three testers\" { members = [\"qa-lead@storefront.example\"]; reach",
        "role qa_lead \"Quality, with three testers\" { reach",
        "item access",
    ),
    m(
        "a role loses its reach",
        "role cto \"CTO\" { members = [\"cto@storefront.example\"]; reach = [mail] }",
        "role cto \"CTO\" { members = [\"cto@storefront.example\"] }",
    ),
    elsewhere(
        "a role is asked twice",
        "by all [dba, devops]; within 12h",
        "by all [dba, dba]; within 12h",
        "approve way_back",
    ),
    m(
        "a person is named in the place of a role",
        "level tech_lead within 30m",
        "level \"tech-lead@storefront.example\" within 30m",
    ),
    m("an escalation does not go on", "level tech_lead within 30m", "level tech_lead"),
    m("an escalation is misspelt", "within 15m escalate chain", "within 15m escalate chian"),
    m("a pause without an end", "on failure pause for dba within 30m else rollback", "on failure pause for dba"),
    m("a question without an end", "ask tech_lead within 15m else rollback", "ask tech_lead within 15m"),
    m("a router is misspelt", "shift edge to 100%", "shift egde to 100%"),
    m("a share is a number", "shift edge to 100%", "shift edge to 100"),
    m("a share is too large", "through [25%]", "through [125%]"),
    m("shares fall", "through [5%, 25%, 50%, 100%]", "through [5%, 50%, 25%, 100%]"),
    m("a flag is misspelt", "set new_dashboard to off", "set new_dashbord to off"),
    m("a flag is switched to a number", "set new_dashboard to off", "set new_dashboard to 0"),
    m("a ramp moves a metric", "ramp payments: payment_gateway_v2", "ramp payments: payment_success"),
    m("a response is misspelt", "on failure payment_flag_off\n      }", "on failure payment_flag_of\n      }"),
    m(
        "a response has no end",
        "response flags_off \"Everything new is switched off\" within 5m else rollback",
        "response flags_off \"Everything new is switched off\"",
    ),
    m(
        "a response ends in itself",
        "\"Everything new is switched off\" within 5m else rollback",
        "\"Everything new is switched off\" within 5m else flags_off",
    ),
    m("a stop where something was changed", "on failure canary_back", "on failure stop"),
    m(
        "a rollback before the live part",
        "checklist testing \"Tests\" within 2d else stop",
        "checklist testing \"Tests\" within 2d else rollback",
    ),
    m("a source is misspelt", "metric p50: duration { source = prod;", "metric p50: duration { source = prd;"),
    m("a query without a source", "metric p50: duration { source = prod; query", "metric p50: duration { query"),
    m(
        "a source without a query",
        "{ source = prod; query = \"shop:events:rate\"; target > 50/s }",
        "{ source = prod; target > 50/s }",
    ),
    m(
        "a channel lacks its key",
        "pagerduty \"Whoever is on call\" { routing_key = pager_key }",
        "pagerduty \"Whoever is on call\" {}",
    ),
    m("a setting of another channel", "{ state = in_progress }", "{ severity = critical }"),
    m("a state that does not exist", "{ state = in_progress }", "{ state = begun }"),
    m("a channel's secret is in a message", "Live is ${active}. ${link.video}", "Live is ${pager_key}. ${link.video}"),
    m("a link is misspelt", "${link.video}, else", "${link.vidoe}, else"),
    m("a message of the clock without a moment", "notify mail \"Code freeze\" at T-14d", "notify mail \"Code freeze\""),
    m("a message from a node that is not there", "every 10m from migrate until", "every 10m from migrated_all until"),
    m(
        "an item ticks itself and asks",
        "item load \"150 % of the expected traffic\" {",
        "item load \"150 % of the expected traffic\" { by qa_lead;",
    ),
    m("an item is there twice", "item scan \"Security: nothing", "item load \"Security: nothing"),
    elsewhere(
        "a checklist is empty",
        "item posts \"Blog and social media\" { by product_manager }\n      item site \"Documentation site\" { by product_manager }",
        "",
        "checklist announced",
    ),
    m("a question with an answer nobody gives", "question users_hit: int", "question users_hit: list(int)"),
    m(
        "a gate is not looked at in a message",
        "notify customers \"Service update\" when noticed",
        "notify customers \"Service update\" when payments_ok",
    ),
    m(
        "a trigger is fired by nobody",
        "manual by any [support_lead, product_manager]",
        "manual by any [suport_lead, product_manager]",
    ),
    m("a scenario gives the wrong unit", "at T+7h errors_5xx = 15%", "at T+7h errors_5xx = 0.15"),
    m("a scenario denies what is not asked", "at T-47h deny cab", "at T-47h deny cba"),
    m("a scenario fires what is no trigger", "fire breach", "fire moderate"),
    m("a scenario's step is misspelt", "expect never started green", "expect never started gren"),
    m("a scenario gives a fault that a gate has not", "given gate blue_healthy fails", "given gate blue_healthy hangs"),
    m(
        "a scenario ends twice",
        "expect stuck\n  expect notified pager",
        "expect stuck; expect completed\n  expect notified pager",
    ),
    m("a strategy without its means", "strategy = blue_green", "strategy = recreate"),
    m("a kind of router that does not exist", "router edge: haproxy", "router edge: haprox"),
    m("a setting of a router is misspelt", "backend = \"storefront\"; old", "backed = \"storefront\"; old"),
    m(
        "hosts that are not there",
        "step green \"Deploy to app-green-1, app-green-2 and app-green-3\" {",
        "step green \"Deploy\" on machines {",
    ),
    elsewhere(
        "a source that nothing asks",
        "flags launch: unleash {",
        "source spare: prometheus { url = \"https://p.example\" }\nflags launch: unleash {",
        "source spare",
    ),
    m(
        "a way back that is promised too short",
        "rollback with_database \"Back with the database\" {\n  rto = 1h",
        "rollback with_database \"Back with the database\" {\n  rto = 1",
    ),
];

/// The lines at which a text has findings.
fn lines(text: &str) -> Vec<usize> {
    findings(text).iter().map(|finding| finding.split(':').nth(1).unwrap().parse().unwrap()).collect()
}

#[test]
fn whatever_is_broken_is_found_where_it_is() {
    broken_and_found("deploy.rb", MUTATIONS);
}

#[test]
fn whatever_is_broken_is_found_also_where_this_version_does_not_run_it() {
    broken_and_found("blue_green.rb", OF_THE_WHOLE_LANGUAGE);
}

fn broken_and_found(name: &str, mutations: &[Mutation]) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks").join(name);
    let whole = std::fs::read_to_string(path).unwrap();
    assert_eq!(findings(&whole), [""; 0]);
    let mut missed = Vec::new();
    for mutation in mutations {
        let Mutation { kind, from, to, at } = mutation;
        let start = whole.find(from).unwrap_or_else(|| panic!("{kind}: {from} is not there any more"));
        let broken = whole.replacen(from, to, 1);
        // The line of the first character that differs, and as many more as were changed.
        let same = whole.bytes().zip(broken.bytes()).take_while(|(a, b)| a == b).count();
        let changed = broken[..same].matches('\n').count() + 1;
        let end = broken[..start + to.len()].matches('\n').count() + 1;
        let expected = match *at {
            "" => changed..=end.max(changed),
            at => {
                let behind = if kind.contains("limit") || kind.contains("emptied") { start } else { 0 };
                let line = broken[..behind + broken[behind..].find(at).unwrap()].matches('\n').count() + 1;
                line..=line
            }
        };
        if !lines(&broken).iter().any(|line| expected.contains(line)) {
            missed.push(format!("{kind}: expected at {expected:?}, found {:?}", findings(&broken)));
        }
    }
    let found = mutations.len() - missed.len();
    println!("{found} of {} mutations were found at their line", mutations.len());
    assert!(missed.is_empty(), "{found} of {} found; missed:\n{}", mutations.len(), missed.join("\n"));
}
