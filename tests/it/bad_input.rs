//! Bad input: each gets a clear error or a verdict, the journal stays whole, nothing is left running.

use crate::binary::{Project, Server, eventually, is_running};

/// A live phase with these lines.
fn live(body: &str) -> String {
    format!("runbook r \"R\" {{ grace = 1s }}\nphase deployment: live {{\n{body}\n}}\n")
}

#[test]
fn a_file_that_is_no_runbook_is_told_in_one_sentence() {
    let project = Project::new();
    project.write("folder/x.txt", "");
    project.write("binary.rb", b"\x7fELF\x00\x01\x02");
    project.write("utf16.rb", b"\xff\xfer\x00u\x00n\x00");
    project.write("latin1.rb", b"runbook caf\xe9 {}\n");
    project.write("ruby.rb", "require 'rake'\ntask :default do\n  puts 1\nend\n");
    project.write("empty.rb", "\n\n");
    project.write("large.rb", "# x\n".repeat(300_000));
    for (file, says) in [
        ("missing.rb", "there is no file missing.rb"),
        ("folder", "there is no runbook in the folder folder"),
        ("binary.rb", "it is a binary file"),
        ("utf16.rb", "it is UTF-16, and a runbook is UTF-8"),
        ("latin1.rb", "it is in another encoding"),
        ("ruby.rb", "it is a Ruby program"),
        ("empty.rb", "it is empty"),
    ] {
        for command in ["check", "fmt"] {
            let output = project.runbook(&[command, file]);
            assert_eq!(output.code, 2, "{command} {file}: {}", output.text());
            assert!(output.stderr.contains(says), "{command} {file}: {}", output.stderr);
            assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
        }
    }
    let output = project.runbook(&["check", "large.rb", "--format", "short"]);
    assert_eq!(output.code, 1, "{}", output.text());
    assert_eq!(output.stdout.matches("error[RB").count(), 1, "{}", output.stdout);
    assert!(output.stdout.contains("large.rb:1:1: error[RB008]: a runbook is at most 1 MiB"), "{}", output.stdout);
    let before = project.read("large.rb");
    assert_ne!(project.runbook(&["fmt", "large.rb"]).code, 0);
    assert_eq!(project.read("large.rb"), before);
    let output = project.runbook(&["run", "folder", "--dry-run"]);
    assert_eq!(
        (output.code, output.stderr.contains("folder is a folder; name the runbook in it")),
        (2, true),
        "{}",
        output.stderr
    );
    // Nothing was recorded: there was no run.
    assert!(!project.exists(".runbook"));
}

#[test]
fn without_a_file_the_usual_ones_are_looked_for() {
    let project = Project::new();
    let output = project.runbook(&["check"]);
    assert_eq!((output.code, output.stderr.contains("there is no runbook here")), (2, true), "{}", output.stderr);
    project.write("runbooks/a.rb", live("hold for 1s"));
    assert_eq!(project.runbook(&["check"]).stdout, "runbooks/a.rb: nothing to complain about\n");
    project.write("runbooks/b.rb", live("hold for 1s"));
    let output = project.runbook(&["check"]);
    assert!(output.stderr.contains("which of these? Name one:\n  runbooks/a.rb\n  runbooks/b.rb"), "{}", output.stderr);
    assert_eq!(project.runbook(&["check", "runbooks"]).stdout, "2 files: nothing to complain about\n");
}

#[test]
fn variables_are_named_and_typed() {
    let project = Project::with(
        "runbook r \"R\" {}\nvar version: semver\nvar env: string = \"staging\" { one_of = [\"staging\", \"production\"] }\n\
         var share: percent = 10%\nphase p: live { step a { run \"echo ${version} ${env} ${share}\"; undo none \"x\" } }\n",
    );
    let dry = |words: &[&str]| {
        let mut all = vec!["run", "--dry-run"];
        all.extend(words);
        project.runbook(&all)
    };
    for (words, says) in [
        (
            vec![],
            "the variable `version` has no value; give it one: --var version=1.2.0, RUNBOOK_VAR_VERSION, or --var-file",
        ),
        (vec!["--var", "version=1.2"], "the variable `version` is a semver, and `1.2` is not a semver"),
        (vec!["--var", "version=1.2.0", "--var", "verison=1"], "has no variable `verison`; did you mean `version`?"),
        (vec!["--var", "version=1.2.0", "--var", "env=prod"], "is one of `staging`, `production`, not `prod`"),
        (
            vec!["--var", "version=1.2.0", "--var", "share=0.1"],
            "the variable `share` is a percent, and `0.1` is not a percent; write `5%`",
        ),
        (vec!["--var", "version"], "write --var NAME=VALUE"),
        (vec!["--var-file", "none.toml"], "none.toml"),
    ] {
        let output = dry(&words);
        assert_eq!(output.code, 2, "{words:?}: {}", output.text());
        assert!(output.stderr.contains(says), "{words:?}: {}", output.stderr);
    }
    project.write("vars.toml", "version = \"1.2.0\"\nshare = \"33%\"\n");
    project.write("vars.json", r#"{"env": "production"}"#);
    let output = dry(&["--var-file", "vars.toml", "--var-file", "vars.json", "--var", "version=2.0.0"]);
    assert_eq!(output.code, 0, "{}", output.text());
    assert!(output.stdout.contains("run     echo 2.0.0 production 33%"), "{}", output.stdout);
    let mut command = project.command(&["run", "--dry-run"]);
    command.env("RUNBOOK_VAR_VERSION", "3.0.0");
    assert!(crate::binary::finish(command).stdout.contains("run     echo 3.0.0 staging 10%"));
}

#[test]
fn a_command_that_does_not_exist_is_told_by_name() {
    let project = Project::with(&live("step a { run \"no-such-program --x\"; undo none \"x\" }"));
    let output = project.run(&[]);
    assert_eq!(output.code, 3);
    assert!(output.stdout.contains("there is no program `no-such-program` on the PATH"), "{}", output.stdout);
    project.record();
}

#[test]
fn a_gigabyte_of_output_fills_neither_the_disk_nor_the_memory() {
    let project = Project::with(&live("step a { run \"head -c 1073741824 /dev/zero\"; undo none \"x\" }"));
    let output = project.run(&[]);
    assert_eq!(output.code, 0, "{}", output.text());
    let printed = project.printed();
    assert!(
        printed.len() < 17 * 1024 * 1024 && printed.ends_with("the rest of the output was not kept]\n"),
        "{}",
        printed.len()
    );
}

#[test]
fn a_value_from_too_much_output_is_refused() {
    let project = Project::with(&live(
        "step a { run \"head -c 3000000 /dev/zero\" { reads = true; capture x = trim(stdout) }; undo none \"x\" }",
    ));
    let output = project.run(&[]);
    assert!(output.stdout.contains("it printed more than 1 MiB"), "{}", output.stdout);
}

#[test]
fn escape_sequences_reach_the_terminal_harmless() {
    let project = Project::with(&live(
        r#"step a { shell """printf '\033[31mred\033[0m \033]0;owned\007 \342\200\256bidi\n'; exit 3"""; undo none "x" }"#,
    ));
    let output = project.run(&[]);
    assert_eq!(output.code, 3);
    assert!(output.stdout.contains("| red"), "{}", output.stdout);
    assert!(!output.text().contains(['\u{1b}', '\u{7}', '\u{202e}']), "{:?}", output.text());
}

#[test]
fn a_command_that_never_ends_ends_at_its_limit_with_everything_it_started() {
    let marker = format!("runbook-test-{}", std::process::id());
    let project = Project::with(&live(&format!(
        r#"step a {{ within 1s; shell """
    trap '' TERM
    bash -c "trap '' TERM; while true; do sleep 1; done; : {marker}" &
    (trap '' TERM; bash -c "trap '' TERM; sleep 1000; : {marker}") &
    while true; do sleep 1; done; : {marker}
    """
    undo {{ run "true" }}
  }}"#
    )));
    let output = project.run(&[]);
    assert_eq!(output.code, 3);
    assert!(output.stdout.contains("it was not through after 1s"), "{}", output.stdout);
    assert!(!is_running(&marker));
    project.record();
}

#[test]
fn what_a_command_leaves_behind_ends_with_it() {
    let marker = format!("runbook-left-{}", std::process::id());
    let project = Project::with(&live(&format!(
        "step a {{ shell \"\"\"bash -c 'sleep 1000; : {marker}' & \"\"\"; undo none \"x\" }}"
    )));
    let output = project.run(&[]);
    assert_eq!(output.code, 0, "{}", output.text());
    assert!(!is_running(&marker));
}

#[test]
fn a_server_that_misbehaves_gets_a_verdict() {
    let server = Server::start();
    for (path, says) in [
        ("/hang", "it did not end within 1s"),
        ("/loop", "redirects more than 10 times"),
        ("/gigabyte", "is larger than 8 MiB"),
        ("/error", "the answer is 503"),
    ] {
        let url = &server.url;
        let project = Project::with(&live(&format!("step a {{ http GET \"{url}{path}\" {{ within 1s }} }}")));
        // A larger answer than is read may take longer than the limit of the others.
        if path == "/gigabyte" {
            project.write("deploy.rb", live(&format!("step a {{ http GET \"{url}{path}\" }}")));
        }
        let output = project.run(&[]);
        assert_eq!(output.code, 3, "{path}: {}", output.text());
        assert!(output.stdout.contains(says), "{path}: {}", output.stdout);
        project.record();
    }
    let project = Project::with(&live("step a { http GET \"http://127.0.0.1:1/\" }"));
    let output = project.run(&[]);
    assert!(output.stdout.contains("127.0.0.1:1 cannot be reached"), "{}", output.stdout);
}

#[test]
fn a_webhook_that_is_down_delays_nothing_and_is_told() {
    let server = Server::start();
    let hook = |path: &str| {
        let text = live("notify hook \"hello\"\n  step a { run \"true\"; undo none \"x\" }");
        let project = Project::with(&format!("channel hook: webhook {{ url = \"{}{path}\" }}\n{text}", server.url));
        project.run(&[])
    };
    let output = hook("/second");
    assert_eq!((output.code, output.stdout.contains("not sent")), (0, false), "{}", output.stdout);
    let output = hook("/refused");
    assert_eq!(output.code, 0, "{}", output.text());
    assert!(output.stdout.contains("not sent  hook: \"hello\": the answer is 403 Forbidden"), "{}", output.stdout);
    let step = output.stdout.find("▸ a").unwrap();
    let warning = output.stdout.find("a message could not be sent").unwrap();
    assert!(step < warning, "the step waited for the message:\n{}", output.stdout);
}

#[test]
fn a_required_message_that_cannot_be_sent_fails_its_node() {
    let server = Server::start();
    let text = live("step a { run \"true\"; undo { run \"true\" } }\n  notify hook \"hello\" { required = true }");
    let project = Project::with(&format!("channel hook: webhook {{ url = \"{}/refused\" }}\n{text}", server.url));
    let output = project.run(&[]);
    assert_eq!(output.code, 3, "{}", output.text());
    assert!(output.stdout.contains("the message to `hook` could not be sent: the answer is 403"), "{}", output.stdout);
}

#[test]
fn a_secret_is_masked_wherever_a_command_prints_it() {
    let project = Project::with(
        "runbook r \"R\" {}\nsecret key = getenv(\"THE_KEY\")\nphase p: live {\n  step a {\n    shell \"\"\"\n    \
         echo \"plain $KEY\"; printf %s \"$KEY\" | base64; echo \"{\\\"k\\\":\\\"$KEY\\\"}\" >&2; echo $KEY > leaked; exit 1\n    \"\"\" { env = { KEY = key } }\n    \
         undo none \"x\"\n  }\n}\n",
    );
    let output = project.run(&[]);
    assert_eq!(output.code, 2, "{}", output.text());
    assert!(
        output.stderr.contains("the secret `key` cannot be read: the variable THE_KEY is not set"),
        "{}",
        output.stderr
    );
    let mut command = project.command(&["run", "--yes", "--output", "plain"]);
    command.env("THE_KEY", "s3cr3t/with\"quote");
    let output = crate::binary::finish(command);
    assert_eq!(output.code, 3);
    let everything =
        format!("{}{}{}", output.text(), project.printed(), serde_json::to_string(&project.record().events).unwrap());
    assert!(project.read("leaked").contains("s3cr3t/with"), "the command itself got it");
    assert!(everything.contains("plain ***"), "{everything}");
    for form in ["s3cr3t", "czNjcjN0L3dpdGgicXVvdGU"] {
        assert!(!everything.contains(form), "{form} in {everything}");
    }
}

#[test]
fn a_captured_secret_is_in_no_file() {
    let project = Project::with(
        "runbook r \"R\" {}\nphase p: live {\n  step a {\n    run \"cat token\" { reads = true; capture token: secret = trim(stdout) }\n    \
         shell \"echo got $T; test -n $T\" { env = { T = token } }\n    undo none \"x\"\n  }\n}\n",
    );
    project.write("token", "t0ps3cr3t\n");
    let output = project.run(&[]);
    let everything = format!("{}{}", output.text(), project.printed());
    assert_eq!(output.code, 0, "{everything}");
    assert!(
        everything.contains("not kept, because a secret is captured") && everything.contains("got ***"),
        "{everything}"
    );
    assert!(!everything.contains("t0ps3cr3t"), "{everything}");
}

#[test]
fn a_value_with_a_secret_in_it_is_not_changed_in_silence() {
    let project = Project::with(
        "runbook r \"R\" {}\nsecret key = getenv(\"THE_KEY\")\nphase p: live { step a {\n  \
         run \"echo image/production\" { reads = true; capture image = trim(stdout); env = { K = key } }\n  \
         run \"echo ${image}\"; undo none \"x\" } }\n",
    );
    let mut command = project.command(&["run", "--yes"]);
    command.env("THE_KEY", "production");
    let output = crate::binary::finish(command);
    assert_eq!(output.code, 3, "{}", output.text());
    assert!(output.stdout.contains("there is a secret in it; write `capture image: secret`"), "{}", output.stdout);
}

#[test]
fn a_redirect_carries_nothing_to_another_server() {
    let (named, other) = (Server::start(), Server::start());
    let port = other.url.rsplit(':').next().unwrap().to_owned();
    let url = format!("{}/away/{port}", named.url);
    let step = |action: &str| Project::with(&live(&format!("step a {{ {action}; undo none \"x\" }}"))).run(&[]);
    let refused = [
        step(&format!("http POST \"{url}\" {{ json = {{ a = 1 }} }}")),
        step(&format!("http GET \"{url}\" {{ header = {{ Authorization = \"Bearer x\" }} }}")),
    ];
    for output in refused {
        assert_eq!((output.code, output.stdout.contains("the answer is 307")), (3, true), "{}", output.text());
    }
    assert_eq!(other.requests().len(), 0);
    // What only looks and has nothing with it follows.
    assert_eq!(step(&format!("http GET \"{url}\"")).code, 0);
    assert!(!other.requests()[0].to_lowercase().contains("referer"), "{}", other.requests()[0]);
}

#[test]
fn a_value_leads_out_of_no_folder() {
    let project = Project::with(
        "runbook r \"R\" {}\nvar name: string\nphase p: live { step a { run \"echo x\" { stdout = \"out/${name}.log\" }; undo none \"x\" } }\n",
    );
    let output = project.run(&["--var", "name=../../pwned"]);
    assert!(output.code == 1 && output.stderr.contains("lead out of its folder"), "{}", output.text());
    assert_eq!(project.run(&["--var", "name=a"]).code, 0);
    assert!(project.exists("out/a.log"));
}

#[test]
fn a_channel_without_an_address_is_found_before_anything_starts() {
    let project = Project::with(&format!(
        "secret hook = getenv(\"HOOK\")\nchannel room: webhook {{ url = hook }}\n{}",
        live("step a { run \"touch ran\"; undo none \"x\" }\n  notify room \"hello\"")
    ));
    let mut command = project.command(&["run", "--yes"]);
    command.env("HOOK", "not-a-url-at-all");
    let output = crate::binary::finish(command);
    assert_eq!((output.code, project.exists("ran")), (2, false), "{}", output.text());
    assert!(output.stderr.contains("the url of the channel `room` is none"), "{}", output.stderr);
    assert!(!output.text().contains("not-a-url"), "{}", output.text());
}

#[test]
fn a_metric_that_cannot_be_measured_says_why() {
    let project = Project::with(&format!(
        "metric m: percent {{ run \"sh -c 'echo no such table >&2; exit 1'\"; unit = ratio; every = 200ms }}\n{}",
        live("step a { run \"true\"; undo none \"x\" }\n  gate { on inconclusive rollback; expect m < 1% }")
    ));
    let output = project.run(&[]);
    assert!(output.stdout.contains("m  no data: exit 1: no such table"), "{}", output.stdout);
    assert_eq!(output.code, 3, "{}", output.stdout);
}

#[test]
fn what_would_never_end_or_fit_is_refused_by_the_plan() {
    let plan = |declarations: &str, body: &str| {
        let project = Project::with(&format!("{declarations}\n{}", live(body)));
        project.runbook(&["run", "--dry-run"])
    };
    let step = "step a { run \"true\"; undo none \"x\" }";
    let long = plan("var n: int = 530000", &format!("{step}\n  hold for n * 1w"));
    assert!(long.code == 1 && long.stderr.contains("longer than a thousand years"), "{}", long.text());
    let mut doubling = "let a0 = \"0123456789\"".to_owned();
    for i in 1..40 {
        doubling.push_str(&format!("\nlet a{i} = \"${{a{0}}}${{a{0}}}\"", i - 1));
    }
    let large = plan(&doubling, "step a { run \"echo ${a39}\"; undo none \"x\" }");
    assert!(large.code == 1 && large.stderr.contains("larger than 4 MiB"), "{}", large.text());
    let (mut open, mut close) = (String::new(), String::new());
    for i in 0..10 {
        open.push_str(&format!("for i{i} in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] {{\n"));
        close.push('}');
    }
    let many = plan("", &format!("{open}{step}\n{close}"));
    assert!(many.code == 1 && many.stderr.contains("more than 50000 nodes"), "{}", many.text());
    let nothing = plan("var names: list(string) = []", &format!("for n in names {{ {step} }}"));
    assert!(nothing.code == 1 && nothing.stderr.contains("there is nothing to do in this plan"), "{}", nothing.text());
}

#[test]
fn a_long_chain_of_values_needs_no_more_stack_than_there_is() {
    let mut chain = "let a0 = 1".to_owned();
    for i in 1..5000 {
        chain.push_str(&format!("\nlet a{i} = a{} + 1", i - 1));
    }
    let project = Project::with(&format!("{chain}\n{}", live("step a { run \"echo ${a4999}\"; undo none \"x\" }")));
    let output = project.runbook(&["run", "--dry-run"]);
    assert!(output.code == 0 && output.stdout.contains("echo 5000"), "{}", output.text());
}

#[test]
fn what_cannot_be_shown_is_an_error() {
    let project = Project::with(&live("step a { run \"true\"; undo none \"x\" }"));
    let mut command = project.command(&["run", "--dry-run"]);
    command.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), told.contains("standard output cannot be written")), (Some(2), true), "{told}");
}

#[test]
fn a_short_secret_is_refused() {
    let project = Project::with(
        "runbook r \"R\" {}\nsecret key = getenv(\"THE_KEY\")\nphase p: live { step a { run \"true\" { env = { K = key } }; undo none \"x\" } }\n",
    );
    let mut command = project.command(&["run", "--yes"]);
    command.env("THE_KEY", "abc");
    let output = crate::binary::finish(command);
    assert_eq!((output.code, output.stderr.contains("shorter than 6 characters")), (2, true), "{}", output.stderr);
}

#[test]
fn commands_get_a_clean_environment() {
    let project = Project::with(
        "runbook r \"R\" { inherit = [\"WANTED\"] }\nphase p: live { step a { run \"env\" { env = { OWN = \"1\" } }; undo none \"x\" } }\n",
    );
    let mut command = project.command(&["run", "--yes", "--output", "plain"]);
    command.env("WANTED", "2").env("UNWANTED", "3");
    assert_eq!(crate::binary::finish(command).code, 0);
    let printed = project.printed();
    let names: Vec<&str> = printed.lines().filter_map(|l| l.split('=').next()).collect();
    assert!(names.contains(&"OWN") && names.contains(&"WANTED") && names.contains(&"PATH"), "{names:?}");
    let known = ["OWN", "WANTED", "PATH", "HOME", "LANG", "TZ"];
    assert!(names.iter().all(|n| known.contains(n)), "{names:?}");
}

#[test]
fn a_second_run_is_refused_while_the_lock_is_held() {
    let project = Project::with(&live("step a { run \"sleep 1000\"; undo none \"x\" }"));
    let mut first = project.command(&["run", "--yes", "--output", "plain"]).spawn().unwrap();
    let running = || {
        project.exists(".runbook/journal.db") && {
            let store = runbook::journal::Embedded::open(&project.path().join(".runbook")).unwrap();
            store.runs().unwrap().iter().any(|r| store.read(&r.id).is_ok_and(|record| record.run().order > 1))
        }
    };
    eventually("the step runs", running);
    let second = project.run(&[]);
    assert_eq!(second.code, 9, "{}", second.text());
    assert!(second.stdout.contains("the lock `r` is held by the run r-"), "{}", second.stdout);
    rustix::process::kill_process(rustix::process::Pid::from_child(&first), rustix::process::Signal::INT).unwrap();
    assert_eq!(first.wait().unwrap().code(), Some(6));
}

#[test]
fn a_closed_pipe_ends_the_screen_and_not_the_release() {
    let project = Project::with(&live(
        "step a { run \"sleep 0.3\"; undo none \"x\" }\n  step b { run \"touch done\"; undo none \"x\" }",
    ));
    let mut child = project.command(&["run", "--yes", "--output", "plain"]).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(project.exists("done"));
}

#[test]
fn nothing_is_started_that_cannot_be_recorded() {
    let project = Project::with(&live("step a { run \"touch done\"; undo none \"x\" }"));
    project.write("state", "a file where a folder should be");
    let output = project.runbook(&["run", "--yes", "--state", "state"]);
    assert_eq!(output.code, 2, "{}", output.text());
    assert!(output.stderr.contains("nothing was started, because it could not be recorded"), "{}", output.stderr);
    assert!(!project.exists("done"));
}

#[test]
fn a_lock_is_given_back_when_the_live_part_is_through_and_after_every_end() {
    let text = "runbook r \"R\" { grace = 1s }\nphase go: live { step a { run \"true\"; undo none \"x\" } }\n\
        phase later: after { step wait { run \"./wait.sh\" } }\n";
    let project = Project::with(text);
    project.script("wait.sh", "test -e released && exit 0\ntouch waiting\nexec sleep 1000");
    let mut first = project.command(&["run", "--yes", "--output", "plain"]).spawn().unwrap();
    eventually("it waits", || project.exists("waiting"));
    // Another release may begin while this one only watches.
    project.write("released", "");
    assert_eq!(project.run(&[]).code, 0);
    rustix::process::kill_process(rustix::process::Pid::from_child(&first), rustix::process::Signal::INT).unwrap();
    assert_eq!(first.wait().unwrap().code(), Some(6));
    let resumed = project.runbook(&["resume", "--output", "plain"]);
    assert_eq!(resumed.code, 0, "{}", resumed.text());
    assert_eq!(project.run(&[]).code, 0);
}
