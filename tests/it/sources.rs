//! Sources: what each answer becomes, against a real Prometheus and against the published answers of the others.

use std::sync::Arc;

use runbook::engine::{Done, Effect, EffectId};
use runbook::plan::Plan;
use runbook::world::{Stop, Vault, World};

use super::binary::Project;
use super::servers::{Fixed, Prometheus, answer};
use super::support::plan_of;

/// What a metric's sample, or with `past` its baseline, is, in words.
pub fn asked(plan: &Plan, project: &Project, id: EffectId) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _installed = rustls::crypto::ring::default_provider().install_default();
    runtime.block_on(async {
        let vault = Vault::read(&plan.secrets, project.path(), &[]).await.unwrap();
        let (live, _lines) = tokio::sync::mpsc::channel(8);
        let world = Arc::new(World::new(plan, vault, project.path(), project.path(), live));
        let (_stop, stopper) = tokio::sync::watch::channel(Stop::No);
        let effect = match id {
            EffectId::Baseline(i) => Effect::Baseline(Box::new(plan.metrics[i as usize].clone()), Default::default()),
            EffectId::Sample(i, _) => Effect::Sample(Box::new(plan.metrics[i as usize].clone())),
            _ => unreachable!(),
        };
        match world.perform(id, effect, stopper).await {
            Done::Sample(Ok(value), _) => value.to_string(),
            Done::Sample(Err(problem), _) if problem.error => format!("error: {}", problem.why),
            Done::Sample(Err(problem), _) => format!("no data: {}", problem.why),
            Done::Baseline(Ok((value, made_of))) => format!("{}: {made_of}", value.brief()),
            Done::Baseline(Err(why)) => format!("none: {why}"),
            other => panic!("{other:?}"),
        }
    })
}

/// A plan with these metrics of a source; each is its kind, its settings and its query.
pub fn metrics(source: &str, all: &[(&str, &str, &str)]) -> Plan {
    let mut text = format!("runbook r {{}}\n{source}\n");
    for (i, (kind, settings, query)) in all.iter().enumerate() {
        text.push_str(&format!("metric m{i}: {kind} {{ source = prod; {settings}query = \"\"\"{query} \"\"\" }}\n"));
    }
    text.push_str("phase p: live { hold for 1m { ");
    (0..all.len()).for_each(|i| text.push_str(&format!("expect m{i} == m{i}\n")));
    text.push_str("} }\n");
    plan_of(&text)
}

pub fn samples(source: &str, all: &[(&str, &str, &str)]) -> Vec<String> {
    samples_in(&Project::new(), source, all)
}

pub fn samples_in(project: &Project, source: &str, all: &[(&str, &str, &str)]) -> Vec<String> {
    let plan = metrics(source, all);
    let ports = |text: String| {
        let port = plan.sources[0].url.rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
        text.replace(&port, "PORT")
    };
    (0..all.len() as u32).map(|i| ports(asked(&plan, project, EffectId::Sample(i, 0)))).collect()
}

pub fn prometheus(url: &str, more: &str) -> String {
    format!("source prod: prometheus {{ url = \"{url}\"; {more} }}")
}

#[test]
fn every_answer_of_a_real_prometheus_is_a_value_no_data_or_an_error() {
    let Some(mut server) = Prometheus::start() else { return };
    server.push(&[("__name__", "one")], &[(-20, 0.04), (-5, 0.07)]);
    server.push(&[("__name__", "many"), ("code", "500")], &[(-5, 1.0)]);
    server.push(&[("__name__", "many"), ("code", "503")], &[(-5, 2.0)]);
    server.push(&[("__name__", "old")], &[(-400, 1.0)]);
    server.push(&[("__name__", "odd"), ("v", "1\"} or vector(0) #")], &[(-5, 3.0)]);
    let said = samples(
        &prometheus(&format!("{}/", server.url()), ""),
        &[
            ("percent", "unit = ratio; ", "one"),
            ("percent", "unit = percent; ", "one"),
            ("duration", "unit = ms; ", "one * 1000"),
            ("size", "", "one * 1e6"),
            ("rate", "", "one"),
            ("count", "", "many{code=\"503\"}"),
            ("number", "", "scalar(one)"),
            ("number", "", "vector(0) / vector(0)"),
            ("number", "", "vector(1) / vector(0)"),
            ("number", "", "-vector(1) / vector(0)"),
            ("percent", "unit = ratio; ", "one * 20"),
            ("number", "", "nothing_of_the_kind"),
            ("number", "", "old"),
            ("number", "", "many"),
            ("number", "", "sum(many)"),
            ("number", "", "one[1m]"),
            ("number", "", "sum(one"),
            ("number", "", "one / on(a) group_left one * on() many"),
            ("number", "", "\"text\""),
        ],
    );
    insta::with_settings!({snapshot_path => "screens", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("prometheus", said.join("\n"));
    });
    // A value is a value, whatever it would be as code: each finds its own series, also as a pattern, and no other.
    let hostile = [
        "1\"} or vector(0) #",
        "a\\",
        "\\\"",
        "it's",
        "`x`",
        "$1 ${v} %s",
        ".*",
        "a|b",
        "(",
        "\u{e9}\u{1f680}",
        " ",
        "x\ny",
    ];
    for (i, value) in hostile.iter().enumerate() {
        server.push(&[("__name__", "odd"), ("v", value)], &[(-5, i as f64)]);
    }
    for (i, value) in hostile.iter().enumerate() {
        let literal = value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('\n', "\\n");
        for query in ["odd{v=\"${v}\"}", "odd{v='${v}'}", "odd{v=~\"${v}\"}", "odd{v=~'zzz|${v}',v!~\"${v}.+\"}"] {
            let text = format!(
                "runbook r {{}}\nlet v: string = \"{literal}\"\n{}\nmetric m0: number {{ source = prod; query = \"\"\"{query} \"\"\" }}\nphase p: live {{ hold for 1m {{ expect m0 > 1 }} }}\n",
                prometheus(&server.url(), "")
            );
            assert_eq!(
                asked(&plan_of(&text), &Project::new(), EffectId::Sample(0, 0)),
                i.to_string(),
                "{value:?} in {query}"
            );
        }
    }
    // It goes away, and comes back with what it knew.
    let url = server.url();
    server.down();
    let gone = samples(&prometheus(&url, ""), &[("number", "", "one")]);
    assert_eq!(gone, ["error: `prod`: 127.0.0.1:PORT cannot be reached: Connection refused (os error 111)"]);
    server.up();
    assert_eq!(samples(&prometheus(&url, ""), &[("number", "", "one")]), ["0.07"]);
}

#[test]
fn a_baseline_is_the_mean_of_the_past_of_a_real_prometheus() {
    let Some(server) = Prometheus::start() else { return };
    let hour: Vec<(i64, f64)> = (0..180).map(|i| (-3600 + i * 20, if i % 2 == 0 { 0.01 } else { 0.03 })).collect();
    server.push(&[("__name__", "ratio")], &hour);
    server.push(&[("__name__", "sparse")], &[(-1800, 0.5)]);
    let past = |settings: &str, query: &str| {
        let plan =
            metrics(&prometheus(&server.url(), ""), &[("percent", &format!("unit = ratio; {settings}; "), query)]);
        asked(&plan, &Project::new(), EffectId::Baseline(0))
    };
    let said = past("baseline = 1h", "ratio");
    let percent: f64 = said.split('%').next().unwrap().parse().unwrap();
    assert!((1.9..2.1).contains(&percent), "{said}");
    assert!(said.contains("the mean of 36") && said.ends_with("points, one every 10s"), "{said}");
    assert!(past("baseline = 1h", "sparse").starts_with("50%: the mean of 3"), "{}", past("baseline = 1h", "sparse"));
    assert_eq!(past("baseline = 1h", "no_such_metric"), "none: `prod` has nothing of the past");
    // NaN and several series are no data here too.
    assert!(past("baseline = 1h", "ratio / 0 * 0").contains("`prod` has nothing of the past"));
    assert!(past("baseline = 2w", "ratio").contains("one every 20m10s"), "{}", past("baseline = 2w", "ratio"));
    // A constant stays one; of a length of time, less than a minute is one.
    let plan = metrics(
        &prometheus(&server.url(), ""),
        &[("duration", "unit = s; baseline = 300ms; ", "a"), ("duration", "unit = s; baseline = 5m; ", "a")],
    );
    assert_eq!(plan.metrics[0].baseline.as_ref().unwrap().to_string(), "300ms");
    assert!(plan.metrics[0].past.is_none() && plan.metrics[1].past.is_some());
}

#[test]
fn credentials_and_an_own_authority_are_what_a_real_prometheus_asks_for() {
    if !super::servers::has("openssl") {
        return;
    }
    let project = Project::new();
    let (cert, key) = super::servers::certificate(project.path());
    // The password is `s3cr3t-enough`.
    let web = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\nbasic_auth_users:\n  ana: HASH\n"
        .replace("HASH", HASH);
    let Some(server) = Prometheus::guarded(&web, &[("cert.pem", &cert), ("key.pem", &key)]) else { return };
    project.write("password", "s3cr3t-enough\n");
    let ask = |settings: &str| {
        let source = format!(
            "secret password = file(\"password\")\n{}",
            prometheus(&format!("https://127.0.0.1:{}", server.port()), settings)
        );
        samples_in(&project, &source, &[("number", "", "vector(4)")]).remove(0)
    };
    assert_eq!(ask("ca = \"cert.pem\"; user = \"ana\"; password = password"), "4");
    assert_eq!(
        ask("ca = \"cert.pem\"; user = \"eve\"; password = password"),
        "error: `prod`: the credentials are refused (401)"
    );
    assert_eq!(ask("ca = \"cert.pem\""), "error: `prod`: the credentials are refused (401)");
    assert!(
        ask("user = \"ana\"; password = password")
            .starts_with("error: `prod`: 127.0.0.1:PORT cannot be reached: invalid peer certificate")
    );
    assert!(ask("ca = \"none.pem\"").starts_with("error: `prod`: the file `none.pem`: No such file"));
    assert!(ask("ca = \"password\"").starts_with("error: `prod`: the file `password`: there is no certificate in it"));
}

/// bcrypt of `s3cr3t-enough`.
const HASH: &str = "$2b$06$rNp02gPAu4aO3M6K7unWdO89Ui5SLBvMjLMzCM5eMUc4Ie/Vimzre";

#[test]
fn a_server_that_is_down_in_any_way_is_an_error_and_never_a_value() {
    let ask = |reply: fn(&str) -> Option<String>, more: &str| {
        let server = Fixed::start(reply);
        let said = samples(&prometheus(&server.url(), more), &[("number", "", "up")]).remove(0);
        (said, server.requests())
    };
    let (said, _) = ask(
        |_| answer("503 Service Unavailable", r#"{"status":"error","errorType":"timeout","error":"query timed out"}"#),
        "",
    );
    assert_eq!(said, "error: `prod`: the answer is 503: timeout: query timed out");
    let (said, _) = ask(|_| answer("502 Bad Gateway", "<html>\n<h1>Bad \u{1b}[2Jgateway</h1>"), "");
    assert_eq!(said, "error: `prod`: the answer is 502: <html>");
    let (said, _) = ask(|_| answer("200 OK", "<html>login</html>"), "");
    assert_eq!(said, "error: `prod`: the answer is not JSON: `<html>login</html>`");
    let (said, _) = ask(|_| answer("302 Found", ""), "");
    assert_eq!(said, "error: `prod`: the answer is 302, and redirects are not followed: is one to log in there?");
    let (said, _) = ask(|_| answer("200 OK", r#"{"status":"success","data":{"resultType":"vector","result":{}}}"#), "");
    assert_eq!(said, "no data: the answer is empty");
    let (said, _) = ask(
        |_| {
            answer(
                "200 OK",
                r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":["x"]}]}}"#,
            )
        },
        "",
    );
    assert_eq!(said, "error: `prod`: a point of the answer has no time");
    let (said, _) = ask(|_| answer("403 Forbidden", ""), "");
    assert_eq!(said, "error: `prod`: the credentials are refused (403)");
    let (said, _) = ask(|_| None, "within 300ms");
    assert_eq!(said, "error: `prod`: it did not answer within 300ms");
    // The source's own clock counts: it is asked for its present, whatever the time is here.
    let (said, requests) = ask(
        |_| {
            answer(
                "200 OK",
                r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[86400,"4"]}]}}"#,
            )
        },
        "header = { \"X-Scope-OrgID\" = \"acme\" }",
    );
    assert_eq!(said, "4");
    assert!(requests[0].contains("query=up") && !requests[0].contains("time="), "{requests:?}");
    assert!(requests[0].to_lowercase().contains("x-scope-orgid: acme"), "{requests:?}");
}

#[test]
fn the_past_ends_at_the_present_of_a_source_whose_clock_is_another() {
    let server = Fixed::start(|request| {
        if request.contains("time%28%29") {
            return answer(
                "200 OK",
                r#"{"status":"success","data":{"resultType":"scalar","result":[1700000000.5,"1700000000.5"]}}"#,
            );
        }
        let start = request.split("start=").nth(1).unwrap_or_default().split('&').next().unwrap_or_default().to_owned();
        let right = start == "1699996400.500" && request.contains("end=1700000000.500") && request.contains("step=10");
        let points = if right { r#"[[1699996400.5,"2"],[1699996410.5,"4"],[1699996420.5,"NaN"]]"# } else { "[]" };
        answer(
            "200 OK",
            &format!(
                r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{}},"values":{points}}}]}}}}"#
            ),
        )
    });
    let plan = metrics(&prometheus(&server.url(), ""), &[("number", "baseline = 1h; ", "x")]);
    assert_eq!(
        asked(&plan, &Project::new(), EffectId::Baseline(0)),
        "3: the mean of 2 of 361 points, one every 10s; less than half of that time has data"
    );
}

#[test]
fn what_cannot_be_right_of_a_source_or_a_metric_is_found_before_the_night() {
    let right = "source prod: prometheus { url = \"http://p.example\" }\nmetric m: percent { source = prod; query = \"\"\"a \"\"\"; unit = ratio }\nphase p: live { hold for 1m { expect m < 5% } }\n";
    let influx = "source prod: influxdb { url = \"http://p.example\"; database = \"d\" }";
    let flux = "source prod: influxdb { url = \"http://p.example\"; org = \"o\" }";
    let query = |text: &str| format!("query = \"\"\"{text} \"\"\"");
    let source = "source prod: prometheus { url = \"http://p.example\" }";
    for (from, to, why) in [
        ("http://p.example", "ftp://p.example".into(), "a source is asked over `http` or `https`"),
        ("http://p.example", "http://ana:secret@p.example".into(), "a url is shown and kept"),
        ("http://p.example", "http://p.example/?tenant=1".into(), "the url of a source ends with its path"),
        (source, source.replace(" }", "; header = { \"X A\" = \"b\" } }"), "`X A` is not a name of a header"),
        (
            source,
            source.replace(" }", "; header = { \"X-A\" = \"b\\r\\nc\" } }"),
            "has a character that no header may have",
        ),
        (
            source,
            source.replace(" }", "; user = \"ana\"; header = { Authorization = \"x\" } }"),
            "`Authorization` is said twice",
        ),
        (source, source.replace(" }", "; within 0s }"), "in no time there is no answer"),
        (source, source.replace(" }", "; within 5s else stop }"), "`else` says nothing here"),
        (source, source.replace(" }", "; concurrency = 0 }"), "a number from 1 to 10000"),
        ("unit = ratio", "unit = ratio; baseline = 0s".into(), "a past is a minute to a year long"),
        ("unit = ratio", "unit = ratio; baseline = 10000d".into(), "a past is a minute to a year long"),
        ("unit = ratio", "unit = ratio; baseline = 24h; floor = -5%".into(), "a floor is not below nothing"),
        ("a \"", " \"".into(), "an empty query asks nothing"),
        ("a \"", "sum(a{b=\"c) \"".into(), "a quote of this query is never closed"),
        ("m < 5%", "m < 5% for 0s".into(), "is no length of time"),
        ("m < 5%", "m < 5% for -5s".into(), "is no length of time"),
        ("source prod: prometheus { url = \"http://p.example\" }", format!("{influx}\n"), "a metric only looks"),
    ] {
        let text = format!("runbook r {{}}\n{}", right.replace(from, &to));
        let found = Project::with(&text).runbook(&["check"]);
        assert!(found.code == 1 && found.text().contains(why), "{to}: {}", found.text());
    }
    for (source, text, why) in [
        (influx, "drop database d", "a metric only looks"),
        (influx, "select * into z from y where $timeFilter", "`into` in it"),
        (influx, "select x from y; select z from y", "two statements in it"),
        (influx, "/* it's */ select x from y -- don't", ""),
        (influx, "select last(\"into\") from y where v = 'into'", ""),
        (influx, "select x from y", ""),
        (flux, "from(bucket: \"a\") |> to(bucket: \"b\")", "`to` in it"),
        (flux, "from(bucket: \"to\") // to(x)\n |> range(start: v.timeRangeStart)", ""),
    ] {
        let changed = right
            .replace("source prod: prometheus { url = \"http://p.example\" }", source)
            .replace(&query("a"), &query(text));
        let found = Project::with(&format!("runbook r {{}}\n{changed}")).runbook(&["check"]);
        assert_eq!(found.code, i32::from(!why.is_empty()), "{text}: {}", found.text());
        assert!(found.text().contains(why), "{text}: {}", found.text());
    }
    let past = right
        .replace(source, influx)
        .replace(&query("a"), &query("select x from y"))
        .replace("unit = ratio", "unit = ratio; baseline = 1d");
    let found = Project::with(&format!("runbook r {{}}\n{past}")).runbook(&["check"]);
    assert!(found.code == 1 && found.text().contains("does not say where the time stands"), "{}", found.text());
    // What is read at the start of the live part is not known before it.
    let early = right.replace("unit = ratio", "unit = ratio; baseline = 24h").replace(
        "phase p: live { hold for 1m { expect m < 5% } }",
        "phase q: prepare { gate g { expect m < 2x baseline } }\nphase p: live { gate h { expect m < 2x baseline } }",
    );
    let found = Project::with(&format!("runbook r {{}}\n{early}")).runbook(&["check", "--format", "short"]);
    assert_eq!(found.text().matches("is not known in a prepare phase").count(), 1, "{}", found.text());
}
