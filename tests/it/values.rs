//! A value is never code: hostile values, in every place where a value may stand, arrive as data.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::binary::{Project, Server};

/// One runbook with a value everywhere. What arrived is written to files.
fn everywhere(url: &str) -> String {
    format!(
        r#"runbook r "R" {{}}
var v: string
let base: url = "{url}"
channel hook: webhook {{ url = "{url}/hook" }}
phase p: live {{
  step words "Title ${{v}}" {{
    run "printf %s ${{v}}suffix" {{ stdout = "first" }}
    run "printf -- %s x${{v}}" {{ stdout = "middle" }}
    run "printf -- %s 'in single ${{v}} quotes'" {{ stdout = "single" }}
    run "printf -- %s \"in double ${{v}} quotes\"" {{ stdout = "double" }}
    run "printf -- '%s\\n' -- ${{v}}" {{ stdout = "dashes" }}
    undo none "x"
  }}
  step script {{
    shell """printf %s "$V" > script""" {{ env = {{ V = v }} }}
    run "cat" {{ stdin = v; stdout = "stdin" }}
    run "printenv V" {{ env = {{ V = v }}; stdout = "env" }}
    undo none "x"
  }}
  step requests {{
    http GET "${{base}}/path/${{v}}/end?q=${{v}}&fixed=1"
    http POST "${{base}}/json" {{ json = {{ v = v, list = [v], text = "a ${{v}} b" }} }}
    http POST "${{base}}/form" {{ form = {{ v = v }} }}
    http POST "${{base}}/body" {{ body = v }}
    undo none "x"
  }}
  notify hook "subject ${{v}}" "text ${{v}}" {{ field = v; required = true }}
}}
"#
    )
}

/// Strings that have hurt somebody.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "; touch x",
        "$(touch x)",
        "`touch x`",
        "| touch x",
        "&& touch x",
        "> x",
        "\ntouch x\n",
        "'",
        "\"",
        "\\",
        "\\\"",
        "${v}",
        "$v",
        "%s",
        "%00",
        "-rf",
        "--help",
        " ",
        "\t",
        "*",
        "?",
        "~",
        "#",
        "{}",
        "[",
        "]",
        "&admin=1",
        "/../../",
        "@evil.example",
        "é",
        "😀",
        "\r\n",
        "<script>",
        "\u{202e}",
        "a",
        "Z",
        "0",
    ]);
    prop_oneof![
        4 => prop::collection::vec(pieces, 1..6).prop_map(|p| p.concat()),
        1 => "[^\u{0}]{1,40}",
    ]
}

/// Runs the runbook with a value, and compares what arrived.
fn arrives(value: &str) {
    let server = Server::start();
    let project = Project::with(&everywhere(&server.url));
    project.write("vars.json", serde_json::json!({ "v": value }).to_string());
    let output = project.run(&["--var-file", "vars.json"]);
    let option = value.starts_with('-');
    if option {
        // A value that would begin a word with `-` is refused before anything runs.
        assert_eq!(output.code, 1, "{value:?}: {}", output.text());
        assert!(output.stderr.contains("would be read as an option"), "{value:?}: {}", output.stderr);
        return;
    }
    if matches!(value, "." | "..") {
        assert!(output.stdout.contains("a part of the path, which climbs in it"), "{value:?}: {}", output.text());
        return;
    }
    assert_eq!(output.code, 0, "{value:?}: {}", output.text());
    assert!(!project.exists("x"), "{value:?} was run");
    for (file, expected) in [
        ("first", format!("{value}suffix")),
        ("middle", format!("x{value}")),
        ("single", format!("in single {value} quotes")),
        ("double", format!("in double {value} quotes")),
        ("dashes", format!("--\n{value}\n")),
        ("script", value.to_owned()),
        ("stdin", value.to_owned()),
        ("env", format!("{value}\n")),
    ] {
        assert_eq!(project.read(file), expected, "{file}");
    }
    let requests = server.requests();
    let body = |path: &str| {
        let request = requests
            .iter()
            .find(|r| r.starts_with(&format!("POST {path} ")))
            .unwrap_or_else(|| panic!("{path}: {requests:?}"));
        request.split_once("\r\n\r\n").unwrap().1.to_owned()
    };
    let target = requests[0].split_whitespace().nth(1).unwrap();
    let url = url::Url::parse(&format!("{}{target}", server.url)).unwrap();
    let segments: Vec<String> = url
        .path_segments()
        .unwrap()
        .map(|s| percent_encoding::percent_decode_str(s).decode_utf8().unwrap().into_owned())
        .collect();
    assert_eq!(segments, ["path", value, "end"]);
    let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    assert_eq!(query, [("q".into(), value.into()), ("fixed".into(), "1".into())]);
    let json: serde_json::Value = serde_json::from_str(&body("/json")).unwrap();
    assert_eq!(json, serde_json::json!({ "v": value, "list": [value], "text": format!("a {value} b") }));
    let form: Vec<(String, String)> = url::form_urlencoded::parse(body("/form").as_bytes()).into_owned().collect();
    assert_eq!(form, [("v".into(), value.into())]);
    assert_eq!(body("/body"), value);
    let hook: serde_json::Value = serde_json::from_str(&body("/hook")).unwrap();
    let expected =
        serde_json::json!({ "field": value, "subject": format!("subject {value}"), "text": format!("text {value}") });
    assert_eq!(hook, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 20, rng_seed: RngSeed::Fixed(48), ..ProptestConfig::default() })]

    #[test]
    fn a_hostile_value_arrives_as_data(value in hostile()) {
        arrives(&value);
    }
}

#[test]
fn known_hostile_values_arrive_as_data() {
    for value in
        ["; touch x", "$(touch x)", "`touch x`", "a\nb", "'\"'\"", "\\", "-n", "--", "a b  c", "%2e%2e/", "..", "."]
    {
        arrives(value);
    }
}

#[test]
fn a_value_captured_during_the_run_is_data_too() {
    let project = Project::with(
        r#"runbook r "R" {}
phase p: live {
  step a {
    shell """printf '%s' '; touch x $(touch x)'""" { reads = true; capture v = stdout }
    run "printf %s ${v}" { stdout = "out" }
    shell """printf '%s' '-rf'""" { reads = true; capture option = stdout }
    run "printf %s ${option}"
    undo { run "true" }
  }
}
"#,
    );
    let output = project.run(&[]);
    assert_eq!(project.read("out"), "; touch x $(touch x)");
    assert!(!project.exists("x"));
    // A value of the run that would be an option is an error of the step: nothing was started with it.
    assert_eq!(output.code, 3, "{}", output.text());
    assert!(
        output.stdout.contains("`-rf` would be read as an option; write `--` before the value"),
        "{}",
        output.stdout
    );
}

#[test]
fn a_header_takes_no_line_end() {
    let server = Server::start();
    let project = Project::with(&format!(
        "runbook r \"R\" {{}}\nvar v: string\nphase p: live {{ step a {{ http GET \"{}/\" {{ header = {{ X = \"a ${{v}}\" }} }} }} }}\n",
        server.url
    ));
    project.write("vars.json", serde_json::json!({ "v": "b\r\nEvil: 1" }).to_string());
    let output = project.run(&["--var-file", "vars.json"]);
    assert!(
        output.stdout.contains("the header `X` would have a character that no header may have"),
        "{}",
        output.stdout
    );
    assert!(server.requests().is_empty());
    project.write("vars.json", serde_json::json!({ "v": "b; c" }).to_string());
    assert_eq!(project.run(&["--var-file", "vars.json"]).code, 0);
    assert!(server.requests()[0].contains("x: a b; c\r\n"), "{:?}", server.requests());
}
