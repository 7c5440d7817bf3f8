//! The quickstart, as the README has it: once with a good version, once with a bad one.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::binary::{Output, Project, finish};

/// The demo shop, which `cargo test` builds beside the tests.
fn shop() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let built = tests.parent().and_then(Path::parent).unwrap().join("examples/shop");
    assert!(built.exists(), "{} was not built", built.display());
    built
}

/// A folder for the shop; the shop ends with it.
struct Shop {
    folder: Project,
}

impl Shop {
    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    /// `runbook run runbooks/quickstart.rb --yes …` in the root of the repository, with a record of its own.
    fn release(&self, words: &[&str]) -> Output {
        let state = self.folder.path().join("state").display().to_string();
        let (shop, data) = (format!("shop={}", shop().display()), format!("data={}", self.data()));
        let mut all = vec!["--state", &state, "run", "runbooks/quickstart.rb", "--yes", "--output", "plain"];
        all.extend(["--var", &shop, "--var", &data]);
        all.extend(words);
        let mut command = self.folder.command(&all);
        // The step that builds the shop finds it built: the test runner did.
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        finish(command)
    }

    fn ask(&self, words: &[&str]) -> String {
        let mut command = std::process::Command::new(shop());
        command.arg("--dir").arg(self.data()).args(words).stdin(Stdio::null());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// What a user of the shop gets.
    fn answer(&self, request: &str) -> String {
        let url = self.ask(&["url"]);
        let host = url.trim_start_matches("http://");
        let mut stream = std::net::TcpStream::connect(host).unwrap();
        write!(stream, "{request} HTTP/1.1\r\nContent-Length: 0\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ended = std::process::Command::new(shop()).arg("--dir").arg(self.data()).arg("down").output();
    }
}

#[test]
fn a_good_version_completes_and_serves() {
    let shop = Shop { folder: Project::new() };
    let output = shop.release(&[]);
    assert_eq!(output.code, 0, "{}", output.text());
    assert!(output.stdout.contains("Rolling release of the demo shop 1.2.0: completed after"), "{}", output.stdout);
    assert!(output.stdout.contains("room  Version 1.2.0 is live"), "{}", output.stdout);
    for instance in ["1", "2", "3"] {
        assert_eq!(shop.ask(&["version", instance]), "1.2.0");
    }
    assert_eq!(shop.ask(&["share"]), "100%");
    assert!(shop.answer("GET /health").contains("200 OK"));
}

#[test]
fn a_bad_version_is_rolled_back_and_the_old_one_serves() {
    let shop = Shop { folder: Project::new() };
    let output = shop.release(&["--var", "fail=30%"]);
    assert_eq!(output.code, 3, "{}", output.text());
    let report = output.stdout.split("\n\n").last().unwrap();
    let row = |name: &str| {
        let found = report.lines().find_map(|l| l.trim_start().strip_prefix(name));
        found.unwrap_or_else(|| panic!("no `{name}` in\n{report}")).trim().to_owned()
    };
    assert!(report.starts_with("Rolling release of the demo shop 1.2.0: rolled back after"), "{report}");
    assert!(row("reason").starts_with("trigger `errors` fired: error_rate > 5% for 2s (error_rate "), "{report}");
    assert!(row("samples").matches("T+").count() >= 2, "{report}");
    assert!(row("undone").ends_with("pod.1, migrate.0016_notifications, migrate.0015_preferences"), "{report}");
    assert_eq!(row("not undone"), "backup: a backup changes nothing");
    for instance in ["1", "2", "3"] {
        assert_eq!(shop.ask(&["version", instance]), "1.1.4");
    }
    assert_eq!(shop.ask(&["share"]), "0%");
    assert!(shop.answer("POST /login").contains("200 OK"));
}
