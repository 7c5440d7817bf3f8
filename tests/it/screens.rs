//! Screens, compared whole: what a user reads is what was meant. `INSTA_UPDATE=always cargo test` writes them anew.

use std::path::Path;

use crate::binary::{Project, finish};

/// A settled picture of a text: what differs between two machines is named.
pub fn snapshot(name: &str, text: &str) {
    snapshot_in("screens", name, text);
}

/// The same, kept in another folder.
pub fn snapshot_in(folder: &str, name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// `runbook WORDS…` in the root of the repository, so many columns wide.
fn wide(columns: usize, words: &[&str]) -> String {
    let project = Project::new();
    let mut command = project.command(words);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env("COLUMNS", columns.to_string()).env("TZ", "UTC");
    let output = finish(command);
    assert_eq!(output.code, 0, "{}", output.text());
    for line in output.stdout.lines() {
        assert_eq!(line.trim_end(), line, "space at the end of a line");
    }
    output.stdout
}

const DEPLOY: [&str; 7] =
    ["run", "runbooks/deploy.rb", "--dry-run", "--var", "version=1.2.0", "--var", "start=2025-11-18T10:00:00-08:00"];

#[test]
fn the_plan_of_the_quickstart() {
    for columns in [80, 160] {
        let text = wide(columns, &["run", "runbooks/quickstart.rb", "--dry-run"]);
        snapshot(&format!("quickstart_{columns}"), &text);
    }
}

#[test]
fn the_plan_of_a_team() {
    for columns in [80, 160] {
        snapshot(&format!("deploy_{columns}"), &wide(columns, &DEPLOY));
    }
}

#[test]
fn the_plan_draws_the_point_of_no_return() {
    let reference = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/language.md")).unwrap();
    let example = crate::docs::blocks(&reference)
        .into_iter()
        .find(|b| b.info == "runbook" && b.text.contains("irreversible \""))
        .unwrap();
    let project = Project::new();
    project.write("columns.rb", &example.text);
    let planned = project.runbook(&["run", "columns.rb", "--dry-run"]);
    assert_eq!(planned.code, 0, "{}", planned.text());
    snapshot("point_of_no_return", &planned.stdout);
}

#[test]
fn what_can_be_broken_fits_the_screen() {
    for columns in [80, 160] {
        let text = wide(columns, &DEPLOY);
        let long = text.lines().filter(|l| l.chars().count() > columns);
        // A word is never broken, and a command stands as it would be typed.
        for line in long {
            let words = line.trim_start().split(' ').map(|w| w.chars().count()).max().unwrap_or(0);
            let command = ["run ", "shell ", "http ", "undo ", "$ "].iter().any(|w| line.contains(w));
            assert!(command || words > columns / 3, "{columns}: {line}");
        }
    }
}

/// Files with mistakes that people make, and what they are told.
#[test]
fn messages_about_mistakes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mistakes");
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().flatten().map(|e| e.file_name()).collect();
    names.sort();
    assert!(names.len() > 8);
    for name in names {
        let name = name.to_str().unwrap();
        let project = Project::new();
        project.write(name, std::fs::read_to_string(folder.join(name)).unwrap());
        let mut command = project.command(&["check", name]);
        command.env("COLUMNS", "100");
        let output = finish(command);
        assert_eq!(output.code, 1, "{}", output.text());
        snapshot(name.trim_end_matches(".rb"), &output.stdout);
    }
}

#[test]
fn help_and_its_mistakes() {
    let project = Project::new();
    for (name, words) in [
        ("help", &["--help"][..]),
        ("help_run", &["run", "--help"]),
        ("usage", &["rn"]),
        ("explain", &["explain"]),
        ("explain_unknown", &["explain", "RB999"]),
    ] {
        let mut command = project.command(words);
        command.env("COLUMNS", "100");
        snapshot(name, &finish(command).text());
    }
}
