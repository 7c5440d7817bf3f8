//! What came of the scenarios of files, for programs: JSON and JUnit's XML.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::json;

use super::coverage::{Coverage, Reached};

/// The version of the JSON document.
const FORMAT: u32 = 1;

/// A file whose scenarios were played.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are named for what they are")]
pub struct TestedFile {
    pub file: String,
    pub scenarios: Vec<TestedScenario>,
    /// What can be reached, and what was.
    pub can: Coverage,
    pub reached: Coverage,
    /// How much of it that is, in percent.
    pub percent: f64,
    /// How much it must be, in percent, if that was asked for.
    pub required: Option<f64>,
    pub passed: bool,
}

/// A scenario that was played.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are named for what they are")]
pub struct TestedScenario {
    pub id: String,
    pub title: String,
    pub line: usize,
    /// How it came out, in the words of the language; nothing if there was no plan.
    pub outcome: Option<&'static str>,
    /// When, relative to T+0.
    pub at: Option<String>,
    /// What was not as expected: the line, what, and what happened instead.
    pub findings: Vec<(usize, String, String)>,
}

/// As one JSON document.
pub fn tests_as_json(files: &[TestedFile]) -> String {
    let scenario = |s: &TestedScenario| {
        let findings = s.findings.iter().map(
            |(line, title, more)| json!({ "line": line, "title": title, "more": more.lines().collect::<Vec<_>>() }),
        );
        json!({
            "id": s.id, "title": s.title, "line": s.line, "passed": s.findings.is_empty(),
            "outcome": s.outcome, "at": s.at, "findings": findings.collect::<Vec<_>>(),
        })
    };
    let one = |r: &Reached| json!({ "sort": r.sort, "id": r.id, "how": r.how });
    let file = |f: &TestedFile| {
        json!({
            "file": f.file, "passed": f.passed,
            "scenarios": f.scenarios.iter().map(scenario).collect::<Vec<_>>(),
            "coverage": {
                "percent": f.percent, "required": f.required, "reached": f.reached.len(), "possible": f.can.len(),
                "missing": f.can.difference(&f.reached).map(one).collect::<Vec<_>>(),
            },
        })
    };
    let passed = files.iter().all(|f| f.passed);
    json!({ "format": FORMAT, "passed": passed, "files": files.iter().map(file).collect::<Vec<_>>() }).to_string()
}

/// As JUnit's XML: a file is a suite, a scenario a case.
pub fn as_junit(files: &[TestedFile]) -> String {
    let mut report = Report::new("runbook");
    for file in files {
        let mut suite = TestSuite::new(file.file.as_str());
        let add = |suite: &mut TestSuite, name: &str, line: usize, failure: Option<(String, String)>| {
            let status = match failure {
                None => TestCaseStatus::success(),
                Some((message, description)) => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                    status.set_message(message).set_type("RB801").set_description(description);
                    status
                }
            };
            let mut case = TestCase::new(name, status);
            case.set_classname(file.file.as_str());
            case.extra.insert("file".into(), file.file.as_str().into());
            case.extra.insert("line".into(), line.to_string().into());
            suite.add_test_case(case);
        };
        for scenario in &file.scenarios {
            let failure = scenario.findings.first().map(|(_, title, _)| {
                let all = scenario.findings.iter().map(|(line, title, more)| {
                    let more = more.lines().map(|line| format!("\n  {line}")).collect::<String>();
                    format!("{}:{line}: {title}{more}", file.file)
                });
                (title.clone(), all.collect::<Vec<_>>().join("\n"))
            });
            add(&mut suite, &scenario.id, scenario.line, failure);
        }
        if let Some(required) = file.required.filter(|required| file.percent + 1e-9 < *required) {
            let why = format!("coverage is {:.0}%, and should be {required}%", file.percent.floor());
            add(&mut suite, "coverage", 1, Some((why.clone(), why)));
        }
        report.add_test_suite(suite);
    }
    report.to_string().unwrap_or_default()
}
