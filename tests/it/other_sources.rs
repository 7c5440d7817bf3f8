//! Graphite and InfluxDB as they are, Datadog and Flux by their published answers.

use std::process::{Child, Command, Stdio};

use runbook::engine::EffectId;

use super::binary::{Project, eventually};
use super::servers::{Fixed, answer, free_port, get, has, post};
use super::sources::{asked, metrics, samples, samples_in};

/// A process that ends with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

const GRAPHITE: &str = "\
import os, sys, time
folder, port = sys.argv[1], int(sys.argv[2])
sys.path.insert(0, folder)
os.environ.update(DJANGO_SETTINGS_MODULE='graphite.settings', GRAPHITE_SETTINGS_MODULE='local_settings', GRAPHITE_STORAGE_DIR=folder)
import whisper
now = int(time.time())
os.makedirs(folder + '/whisper/servers/web-1')
for name, points in [('errors', [(now - 60 + i, 0.01 * i) for i in range(0, 60, 10)]), ('idle', [])]:
    path = folder + '/whisper/servers/web-1/' + name + '.wsp'
    whisper.create(path, [(10, 8640)])
    if points: whisper.update_many(path, points)
from wsgiref.simple_server import make_server
from graphite.wsgi import application
make_server('127.0.0.1', port, application).serve_forever()
";

#[test]
fn a_real_graphite_is_asked_for_its_newest_point_and_its_past() {
    if !has("graphite-manage") {
        return;
    }
    let project = Project::new();
    let (folder, port) = (project.path().display().to_string(), free_port());
    std::fs::create_dir_all(project.path().join("log/webapp")).unwrap();
    let settings =
        format!("STORAGE_DIR='{folder}'\nLOG_DIR='{folder}/log/webapp'\nSECRET_KEY='x'\nALLOWED_HOSTS=['*']\n");
    project.write("local_settings.py", settings);
    project.write("serve.py", GRAPHITE);
    let mut serve = Command::new("/usr/bin/python3");
    serve.args([&format!("{folder}/serve.py"), &folder, &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    let _server = Ends(serve.spawn().unwrap());
    eventually("Graphite answers", || get(port, "/render?format=json&target=constantLine(1)").contains("200 OK"));
    let source = format!("source prod: graphite {{ url = \"http://127.0.0.1:{port}\" }}\nvar host: string = \"web-1\"");
    let said = samples(
        &source,
        &[
            ("percent", "unit = ratio; ", "constantLine(0.07)"),
            ("percent", "unit = ratio; ", "servers.${host}.errors"),
            ("number", "", "servers.${host}.idle"),
            ("number", "", "servers.${host}.none"),
            ("number", "", "group(constantLine(1), constantLine(2))"),
            ("number", "", "sumSeries("),
        ],
    );
    assert_eq!(
        said,
        [
            "7%",
            "50%",
            "no data: its value is not a number",
            "no data: the answer is empty",
            "no data: there are 2 series where one is meant: 1.0, 2.0",
            "no data: the answer is empty",
        ]
    );
    let plan = metrics(&source, &[("percent", "unit = ratio; baseline = 10m; ", "servers.${host}.errors")]);
    let said = asked(&plan, &Project::new(), EffectId::Baseline(0));
    assert!(said.starts_with("25%: the mean of 6 of "), "{said}");
}

#[test]
fn a_real_influxdb_is_asked_in_influxql() {
    if !has("influxd") {
        return;
    }
    let project = Project::new();
    let folder = project.path().display().to_string();
    let (port, rpc) = (free_port(), free_port());
    project.write(
        "c.toml",
        format!(
            "bind-address = \"127.0.0.1:{rpc}\"\nreporting-disabled = true\n[meta]\ndir = \"{folder}/meta\"\n[data]\ndir = \"{folder}/data\"\nwal-dir = \"{folder}/wal\"\n[http]\nbind-address = \"127.0.0.1:{port}\"\n"
        ),
    );
    let mut serve = Command::new("influxd");
    serve.args(["run", "-config", "c.toml"]).current_dir(project.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let _server = Ends(serve.spawn().unwrap());
    eventually("InfluxDB answers", || get(port, "/ping").contains("204 No Content"));
    assert!(post(port, "/query?q=create+database+app", "").contains("200 OK"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let lines: String =
        (0..6).map(|i| format!("http,v=1.2.0,code={} ratio=0.0{i} {}\n", 500 + i % 2, now - 60 + i * 10)).collect();
    assert!(post(port, "/write?db=app&precision=s", &lines).contains("204"));
    let source = |more: &str| {
        format!(
            "source prod: influxdb {{ url = \"http://127.0.0.1:{port}\"; database = \"app\"; {more} }}\nvar v: string = \"1.2.0\""
        )
    };
    let said = samples(
        &source(""),
        &[
            ("percent", "unit = ratio; ", "select last(ratio) from http where v = '${v}' and $timeFilter"),
            (
                "percent",
                "unit = ratio; ",
                "select mean(ratio) from http where $timeFilter group by time($interval) fill(none)",
            ),
            ("percent", "unit = ratio; ", "select mean(ratio) from http where v = 'no' and $timeFilter"),
            ("percent", "unit = ratio; ", "select mean(ratio), max(ratio) from http where $timeFilter"),
            ("percent", "unit = ratio; ", "select mean(ratio) from http where $timeFilter group by code"),
            ("percent", "unit = ratio; ", "select mean(ratio from http"),
        ],
    );
    assert_eq!(
        said[..4],
        [
            "5%",
            "5%",
            "no data: the answer is empty",
            "no data: there are 2 series where one is meant: http.mean, http.max"
        ]
    );
    assert!(
        said[4].starts_with("no data: there are 2 series where one is meant: http.mean{\"code\":\"500\"}"),
        "{}",
        said[4]
    );
    assert!(said[5].starts_with("error: `prod`: the answer is 400: error parsing query: found FROM"), "{}", said[5]);
    // Version 1 would do it.
    for changing in ["drop database app", "select 1; drop database app"] {
        let refused = || metrics(&source(""), &[("percent", "unit = ratio; ", changing)]);
        assert!(std::panic::catch_unwind(refused).is_err());
    }
    let plan = metrics(
        &source(""),
        &[(
            "percent",
            "unit = ratio; baseline = 10m; ",
            "select mean(ratio) from http where $timeFilter group by time($interval) fill(none)",
        )],
    );
    let said = asked(&plan, &Project::new(), EffectId::Baseline(0));
    assert!(said.starts_with("2.5%: the mean of 6 of 6 points"), "{said}");
    let none = source("").replace("\"app\"", "\"nothing\"");
    let gone = samples(&none, &[("percent", "unit = ratio; ", "select last(ratio) from http where $timeFilter")]);
    assert_eq!(gone, ["error: `prod`: database not found: nothing"]);
}

#[test]
fn datadog_is_asked_as_it_says() {
    // As https://docs.datadoghq.com/api/latest/metrics/ has it.
    let server = Fixed::start(|request| {
        let head = request.to_lowercase();
        if !head.contains("dd-api-key: k3y-of-api") || !head.contains("dd-application-key: k3y-of-app") {
            return answer("403 Forbidden", r#"{"errors":["Forbidden"]}"#);
        }
        let line = request.lines().next().unwrap_or_default();
        if line.contains("query=bad") {
            return answer("400 Bad Request", r#"{"errors":["Error parsing query: unable to parse bad"]}"#);
        }
        let series = |scope: &str, points: &str| {
            format!(
                r#"{{"metric":"e","display_name":"e","scope":"{scope}","interval":20,"length":3,"pointlist":{points}}}"#
            )
        };
        let all = match line {
            l if l.contains("query=none") => String::new(),
            l if l.contains("query=two") => format!("{},{}", series("a", "[[1000,1]]"), series("b", "[[1000,2]]")),
            _ => series("version:1.2.0", "[[1700000000000,0.05],[1700000020000,0.07],[1700000040000,null]]"),
        };
        answer("200 OK", &format!(r#"{{"status":"ok","res_type":"time_series","series":[{all}],"error":""}}"#))
    });
    let project = Project::new();
    project.write("api", "k3y-of-api\n");
    project.write("app", "k3y-of-app\n");
    let source = |app: &str| {
        format!(
            "secret api = file(\"api\")\nsecret app = file(\"{app}\")\nvar version: semver = \"1.2.0\"\nsource prod: datadog {{ url = \"{}\"; api_key = api; app_key = app }}",
            server.url()
        )
    };
    let all = [
        ("percent", "unit = ratio; ", "sum:e{version:${version}}"),
        ("number", "", "none"),
        ("number", "", "two"),
        ("number", "", "bad"),
    ];
    assert_eq!(
        samples_in(&project, &source("app"), &all),
        [
            "7%",
            "no data: the answer is empty",
            "no data: there are 2 series where one is meant: e{a}, e{b}",
            "error: `prod`: the answer is 400: Error parsing query: unable to parse bad",
        ]
    );
    assert!(server.requests()[0].contains("query=sum%3Ae%7Bversion%3A1.2.0%7D"), "{}", server.requests()[0]);
    let refused = samples_in(&project, &source("api"), &all[..1]);
    assert_eq!(refused, ["error: `prod`: the credentials are refused (403): Forbidden"]);
    let plan = metrics(&source("app"), &[("percent", "unit = ratio; baseline = 1d; ", "sum:e{*}")]);
    assert_eq!(asked(&plan, &project, EffectId::Baseline(0)), "6%: the mean of 2 of 3 points, one every 1m27s");
}

#[test]
fn flux_is_asked_as_its_dashboards_ask() {
    // As https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/ has it.
    let server = Fixed::start(|request| {
        if !request.to_lowercase().contains("authorization: token t0k3n-of-flux") {
            return answer("401 Unauthorized", r#"{"code":"unauthorized","message":"unauthorized access"}"#);
        }
        let csv = match request {
            r if r.contains("bad") => "error,reference\r\nFailed to parse query,897\r\n",
            r if r.contains("none") => "\r\n",
            r if r.contains("two") => {
                ",result,table,_time,_value,code\r\n,_result,0,2026-11-18T10:00:00Z,1,500\r\n\r\n,result,table,_time,_value,code\r\n,_result,1,2026-11-18T10:00:00Z,2,503\r\n"
            }
            r if r.contains("mean") => {
                ",result,table,_start,_stop,_value\r\n,_result,0,2026-11-18T09:00:00Z,2026-11-18T10:00:00Z,0.03\r\n"
            }
            _ => {
                ",result,table,_time,_value,_field\r\n,_result,0,2026-11-18T10:00:10Z,0.07,ratio\r\n,_result,0,2026-11-18T10:00:00Z,0.01,ratio\r\n,_result,0,2026-11-18T10:00:20Z,,ratio\r\n"
            }
        };
        answer("200 OK", csv)
    });
    let project = Project::new();
    project.write("token", "t0k3n-of-flux\n");
    project.write("other", "another-token\n");
    let source = |token: &str| {
        format!(
            "secret token = file(\"{token}\")\nsource prod: influxdb {{ url = \"{}\"; org = \"acme\"; token = token }}\nvar v: string = \"a\\\"b\"",
            server.url()
        )
    };
    let query = "from(bucket: \"app\") |> range(start: v.timeRangeStart) |> filter(fn: (r) => r.v == \"${v}\")";
    let all = [
        ("percent", "unit = ratio; ", query),
        ("percent", "unit = ratio; ", "mean"),
        ("number", "", "none"),
        ("number", "", "two"),
        ("number", "", "bad"),
    ];
    assert_eq!(
        samples_in(&project, &source("token"), &all),
        [
            "7%",
            "3%",
            "no data: the answer is empty",
            "no data: there are 2 series where one is meant: table=0, code=500, table=1, code=503",
            "error: `prod`: Failed to parse query",
        ]
    );
    let first = &server.requests()[0];
    assert!(first.starts_with("POST /api/v2/query?org=acme "), "{first}");
    let body: serde_json::Value = serde_json::from_str(first.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert!(body["query"].as_str().unwrap().contains("r.v == \"a\\\"b\""), "{body}");
    let names = &body["extern"]["body"][0]["assignment"]["init"]["properties"];
    let names: Vec<_> = names.as_array().unwrap().iter().map(|p| p["key"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["timeRangeStart", "timeRangeStop", "windowPeriod"]);
    let refused = samples_in(&project, &source("other"), &all[..1]);
    assert_eq!(refused, ["error: `prod`: the credentials are refused (401): unauthorized access"]);
    // A query that does not say where the time stands has no past.
    let plan = |query: &str| metrics(&source("token"), &[("percent", "unit = ratio; baseline = 1d; ", query)]);
    assert_eq!(asked(&plan(query), &project, EffectId::Baseline(0)), "4%: the mean of 2 of 3 points, one every 1m27s");
    let refused = std::panic::catch_unwind(|| plan("from(bucket: \"app\") |> range(start: -5m)"));
    assert!(refused.is_err());
}
