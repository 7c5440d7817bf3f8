//! Imports: what several runbooks share, and everything that can be wrong with it.

use crate::binary::Project;

const LIBRARY: &str = r#"var env: string = "staging"
channel room: console {}
severity immediate { then rollback; notify = [room] }
gate healthy "It answers in ${env}" { run "test ${env} = production" }
rollback "Roll back" { notify room "back: ${event.reason}"; undo }
"#;

const RUNBOOK: &str = r#"import "lib/acme.rb"

runbook r "R" {}
var env: string = "production"
phase p: live { step a { run "echo in ${env}"; undo { run "true" } }
  gate healthy }
"#;

fn project(runbook: &str, library: &str) -> Project {
    let project = Project::with(runbook);
    std::fs::create_dir(project.path().join("lib")).unwrap();
    project.write("lib/acme.rb", library);
    project
}

fn check(project: &Project) -> (i32, String) {
    let output = project.runbook(&["check", "deploy.rb", "--format", "short"]);
    (output.code, output.text())
}

#[test]
fn what_is_imported_is_there_and_a_shared_variable_is_one() {
    let project = project(RUNBOOK, LIBRARY);
    assert_eq!(check(&project), (0, String::new()));
    let output = project.run(&[]);
    assert_eq!(output.code, 0, "{}", output.text());
    assert!(output.stdout.contains("echo in production"), "{}", output.stdout);
    let output = project.run(&["--var", "env=staging"]);
    assert!(output.code == 3 && output.stdout.contains("room  back: "), "{}", output.text());
    // From elsewhere the same files are meant.
    let mut command = project.command(&["check", "../deploy.rb"]);
    command.current_dir(project.path().join("lib"));
    assert_eq!(crate::binary::finish(command).code, 0);
}

#[test]
fn a_library_is_checked_alone_and_not_run() {
    let project = project(RUNBOOK, LIBRARY);
    assert_eq!(project.runbook(&["check", "lib/acme.rb", "--format", "short"]).text(), "");
    assert_eq!(project.runbook(&["check", "."]).code, 0);
    let output = project.runbook(&["run", "lib/acme.rb", "--dry-run"]);
    assert_eq!((output.code, output.stderr.contains("is a library")), (2, true), "{}", output.text());
}

#[test]
fn what_is_wrong_is_said_at_the_import_and_in_the_library() {
    let broken = project(RUNBOOK, &LIBRARY.replace("channel room: console", "channel room: consol"));
    let (code, text) = check(&broken);
    assert_eq!(code, 1);
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines.len() == 2 && lines[0].contains("deploy.rb:1:8: error[RB110]: the library `lib/acme.rb` has an error"),
        "{text}"
    );
    assert!(lines[1].starts_with("lib/acme.rb:2:15: error[RB105]"), "{text}");
    for (runbook, library, expected) in [
        (
            RUNBOOK.replace("acme", "amce"),
            LIBRARY.to_owned(),
            "there is no file `lib/amce.rb`; did you mean `lib/acme.rb`?",
        ),
        (RUNBOOK.replace("lib/acme", "/etc/acme"), LIBRARY.into(), "is not relative to this file"),
        (RUNBOOK.replace("lib/acme.rb", "../../../../../etc/passwd"), LIBRARY.into(), "outside the repository"),
        (RUNBOOK.replace("lib/acme.rb", "lib"), LIBRARY.into(), "`lib` cannot be read"),
        (RUNBOOK.replace("acme", "${env}"), LIBRARY.into(), "what is imported is known before any value is"),
        (RUNBOOK.into(), format!("import \"../deploy.rb\"\n{LIBRARY}"), "error[RB109]: `../deploy.rb` imports itself"),
        (RUNBOOK.into(), format!("phase x: after {{}}\n{LIBRARY}"), "a library has no `phase`"),
        (RUNBOOK.into(), LIBRARY.replace("env: string = \"staging\"", "env: int = 1"), "the name `env` is given twice"),
        (RUNBOOK.into(), "module Acme\n  def run\n  end\nend\n".into(), "`lib/acme.rb` is not a library"),
    ] {
        let (code, text) = check(&project(&runbook, &library));
        assert!(code == 1 && text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn a_symbolic_link_out_of_the_repository_is_outside() {
    let elsewhere = Project::with("");
    elsewhere.write("acme.rb", LIBRARY);
    let project = project(RUNBOOK, LIBRARY);
    std::fs::create_dir(project.path().join(".git")).unwrap();
    std::fs::remove_file(project.path().join("lib/acme.rb")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("acme.rb"), project.path().join("lib/acme.rb")).unwrap();
    let (code, text) = check(&project);
    assert!(code == 1 && text.contains("outside the repository"), "{text}");
}

#[test]
fn what_two_libraries_import_is_read_once() {
    let project =
        project(&RUNBOOK.replace("import \"lib/acme.rb\"", "import \"lib/one.rb\"\nimport \"lib/two.rb\""), LIBRARY);
    for name in ["one", "two"] {
        project.write(&format!("lib/{name}.rb"), format!("import \"acme.rb\"\nlet {name} = \"x\"\n"));
    }
    assert_eq!(check(&project), (0, String::new()));
}
