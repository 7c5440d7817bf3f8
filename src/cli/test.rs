//! `runbook test`: the scenarios of runbooks, played in virtual time.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::ValueEnum;

use crate::diagnostic::{Code, Diagnostic, has_errors, report, summary};
use crate::engine::{Event, Run, apply};
use crate::paint::Paint;
use crate::plan::scenario::Staged;
use crate::plan::{Inputs, Plan, PlanError, staged};
use crate::rehearse::{Coverage, Played, TestedFile, TestedScenario, as_junit, play, possible, tests_as_json};
use crate::report::{Plain, Reporter};
use crate::source::one_line;

use super::files::CheckedFile;
use super::inputs::{VarArguments, given, inputs};
use super::screen::Screen;
use super::{Exit, files};

/// So many lines are shown of what happened before something was not as expected.
const SHOWN: usize = 25;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Files or folders [default: deploy.rb, runbook.rb or the only file in runbooks/]
    #[arg(value_name = "FILE")]
    runbooks: Vec<PathBuf>,
    /// Only scenarios whose name has this in it; may be said again
    #[arg(long = "filter", value_name = "TEXT")]
    filters: Vec<String>,
    /// Print the run of one scenario as the real one would be printed
    #[arg(long, value_name = "ID")]
    trace: Option<String>,
    /// Fail if the scenarios of a file reach less than this of what can be reached in it: 80%
    #[arg(long, value_name = "SHARE", value_parser = share)]
    require_coverage: Option<f64>,
    /// How it is shown
    #[arg(long, value_name = "FORM", default_value = "human", hide_default_value = true)]
    output: Output,
    #[command(flatten)]
    vars: VarArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Human,
    /// One JSON document
    Json,
    /// JUnit's XML, for CI
    Junit,
}

fn share(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim().parse::<f64>();
    number.ok().filter(|n| (0.0..=100.0).contains(n)).ok_or_else(|| "write a share such as 80%".to_owned())
}

/// A file and its scenarios.
struct Subject {
    file: CheckedFile,
    name: String,
    /// Those that are played, by their index.
    chosen: Vec<usize>,
}

/// What came of one scenario.
struct Tried {
    plan: Option<Plan>,
    played: Option<Played>,
    findings: Vec<Diagnostic>,
}

pub(super) fn main(arguments: &Arguments, screen: &Screen) -> Exit {
    let subjects = match subjects(arguments, screen) {
        Ok(subjects) => subjects,
        Err(exit) => return exit,
    };
    let values = match given(&arguments.vars) {
        Ok(values) => values,
        Err(why) => {
            screen.error(&why);
            return Exit::Usage;
        }
    };
    if let Some(id) = &arguments.trace {
        return trace(id, &subjects, &values, screen);
    }
    let tried = all(&subjects, &values);
    let mut failed = false;
    let mut files = Vec::new();
    for (subject, tried) in subjects.iter().zip(&tried) {
        let file = tested(subject, tried, arguments);
        failed |= !file.passed;
        if arguments.output == Output::Human {
            show(subject, tried, &file, arguments, screen);
        }
        files.push(file);
    }
    match arguments.output {
        Output::Human => {
            let scenarios = || files.iter().flat_map(|f| &f.scenarios);
            let (count, bad) = (scenarios().count(), scenarios().filter(|s| !s.findings.is_empty()).count());
            let words = if count == 1 { "1 scenario".to_owned() } else { format!("{count} scenarios") };
            let line = match bad {
                0 => format!("{words} passed"),
                bad => format!("{words}: {} passed, {}", count - bad, screen.out.bad(format!("{bad} failed"))),
            };
            screen.print(&format!("{line}\n"));
        }
        Output::Json => screen.print(&format!("{}\n", tests_as_json(&files))),
        Output::Junit => screen.print(&as_junit(&files)),
    }
    if failed { Exit::Findings } else { Exit::Done }
}

/// The files that are meant, each without a mistake, and which of their scenarios are.
fn subjects(arguments: &Arguments, screen: &Screen) -> Result<Vec<Subject>, Exit> {
    let usage = |why: String| {
        screen.error(&why);
        Exit::Usage
    };
    let mut subjects = Vec::new();
    let mut wrong = false;
    for path in files::meant(&arguments.runbooks).map_err(usage)? {
        let Some(file) = readable(&path, screen)? else { continue };
        if has_errors(&file.diagnostics) {
            wrong = true;
            continue;
        }
        let fits = |id: &str| arguments.filters.is_empty() || arguments.filters.iter().any(|f| id.contains(f));
        let chosen = file.checked.model.scenarios.iter().enumerate().filter(|(_, s)| fits(&s.id.text));
        let chosen = chosen.map(|(i, _)| i).collect();
        subjects.push(Subject { file, name: path.display().to_string(), chosen });
    }
    if wrong {
        return Err(Exit::Findings);
    }
    if !arguments.filters.is_empty() && subjects.iter().all(|s| s.chosen.is_empty()) {
        return Err(usage("no scenario is named so; without --filter all of them are played".into()));
    }
    Ok(subjects)
}

/// A file that was read; its mistakes are told. Nothing of a library: it has no timeline.
pub(super) fn readable(path: &Path, screen: &Screen) -> Result<Option<CheckedFile>, Exit> {
    let loaded = files::load(path).map_err(|why| {
        screen.error(&why);
        Exit::Usage
    })?;
    let file = files::examine(loaded);
    if file.library {
        return Ok(None);
    }
    if has_errors(&file.diagnostics) {
        screen.note(&report(&file.diagnostics, &file.sources, screen.err.width, screen.err.color));
        screen.error(&format!("{} cannot be rehearsed: {}", path.display(), summary(&file.diagnostics)));
    }
    Ok(Some(file))
}

/// Plays all of them, on all cores; what comes of them stands in their order.
fn all(subjects: &[Subject], values: &[crate::plan::Given]) -> Vec<Vec<Tried>> {
    let jobs: Vec<(usize, usize)> =
        subjects.iter().enumerate().flat_map(|(i, s)| s.chosen.iter().map(move |c| (i, *c))).collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(jobs.len().max(1));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((subject, scenario)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push(((*subject, *scenario), tried(&subjects[*subject].file, *scenario, values)));
        }
        done
    };
    let mut done: Vec<((usize, usize), Tried)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (1..cores).map(|_| scope.spawn(work)).collect();
        let own = work();
        let others = workers.into_iter().flat_map(|worker| match worker.join() {
            Ok(done) => done,
            Err(fault) => std::panic::resume_unwind(fault),
        });
        own.into_iter().chain(others).collect()
    });
    done.sort_by_key(|(job, _)| *job);
    let mut sorted: Vec<Vec<Tried>> = subjects.iter().map(|_| Vec::new()).collect();
    for ((subject, _), tried) in done {
        sorted[subject].push(tried);
    }
    sorted
}

fn tried(file: &CheckedFile, scenario: usize, values: &[crate::plan::Given]) -> Tried {
    let model = &file.checked.model;
    // Where a runbook names no zone a rehearsal is the same on every machine.
    let inputs = Inputs { zone: "UTC".into(), ..inputs(values.to_vec()) };
    match staged(model, &file.sources, &inputs, Some(scenario)) {
        Ok(Staged { plan, scenario }) => {
            let staged = Staged { plan, scenario };
            let played = play(&staged);
            let findings = played.unmet.iter().map(|unmet| {
                let finding = Diagnostic::new(Code::Unmet, unmet.span, unmet.title.clone()).label(unmet.label.clone());
                finding.help_if((!unmet.notes.is_empty()).then(|| unmet.notes.join("\n")))
            });
            let findings = findings.collect();
            Tried { plan: Some(staged.plan), played: Some(played), findings }
        }
        Err(PlanError { usage, mut findings }) => {
            let span = model.scenarios[scenario].id.span;
            findings.extend(usage.into_iter().map(|why| {
                let finding = Diagnostic::new(Code::Unmet, span, why).label("this scenario has no plan");
                finding.help("give it a value in the scenario, such as `given version = \"1.2.0\"`, or with --var")
            }));
            Tried { plan: None, played: None, findings }
        }
    }
}

fn tested(subject: &Subject, tried: &[Tried], arguments: &Arguments) -> TestedFile {
    let model = &subject.file.checked.model;
    let scenarios = subject.chosen.iter().zip(tried).map(|(index, tried)| {
        let scenario = &model.scenarios[*index];
        let place = subject.file.sources.place(scenario.id.span);
        let line = |finding: &Diagnostic| subject.file.sources.place(finding.primary.span).line;
        TestedScenario {
            id: scenario.id.text.clone(),
            title: title(subject, *index),
            line: place.line,
            outcome: tried.played.as_ref().map(|p| p.outcome),
            at: tried.played.as_ref().map(|p| crate::rehearse::moment(p.at, p.zero)),
            findings: tried
                .findings
                .iter()
                .map(|f| (line(f), f.title.clone(), f.help.clone().unwrap_or_default()))
                .collect(),
        }
    });
    let scenarios: Vec<TestedScenario> = scenarios.collect();
    let mut can = Coverage::new();
    let mut reached = Coverage::new();
    for tried in tried {
        can.extend(tried.plan.iter().flat_map(possible));
        reached.extend(tried.played.iter().flat_map(|p| p.reached.iter().cloned()));
    }
    // A file without a scenario reaches nothing of what could be reached.
    if subject.chosen.is_empty()
        && let Ok(staged) = staged(model, &subject.file.sources, &inputs(Vec::new()), None)
    {
        can.extend(possible(&staged.plan));
    }
    reached.retain(|one| can.contains(one));
    let percent = if can.is_empty() { 100.0 } else { reached.len() as f64 * 100.0 / can.len() as f64 };
    let covers = arguments.require_coverage.is_none_or(|wanted| percent + 1e-9 >= wanted);
    let passed = covers && scenarios.iter().all(|s| s.findings.is_empty());
    TestedFile {
        file: subject.name.clone(),
        scenarios,
        can,
        reached,
        percent,
        required: arguments.require_coverage,
        passed,
    }
}

fn title(subject: &Subject, scenario: usize) -> String {
    let scenario = &subject.file.checked.model.scenarios[scenario];
    let text = scenario.title.as_ref().map(|t| subject.file.sources.text(t.span).trim_matches('"').to_owned());
    one_line(&text.unwrap_or_default())
}

fn show(subject: &Subject, tried: &[Tried], file: &TestedFile, arguments: &Arguments, screen: &Screen) {
    let paint = screen.out;
    screen.print(&format!("{}\n", paint.bold(one_line(&subject.name))));
    let not_run = subject.file.checked.model.not_run.len();
    if not_run > 0 {
        let things = if not_run == 1 { "one thing".to_owned() } else { format!("{not_run} things") };
        screen.print(&format!(
            "  {}\n",
            paint.dim(format!("{things} in it this version does not run (RB017); here they count as working"))
        ));
    }
    if file.scenarios.is_empty() {
        screen.print("  it has no scenario; a `scenario` says what is given, what happens and what is expected\n");
        return;
    }
    let width = file.scenarios.iter().map(|s| s.id.chars().count()).max().unwrap_or(0);
    for (scenario, tried) in file.scenarios.iter().zip(tried) {
        let sign = if scenario.findings.is_empty() { paint.good("pass") } else { paint.bad("FAIL") };
        let how = match (scenario.outcome, &scenario.at) {
            (Some(outcome), Some(at)) => format!("{outcome} {at}"),
            _ => "no plan".into(),
        };
        let (id, how) = (crate::paint::pad(&scenario.id, width), crate::paint::pad(&how, 22));
        let room = paint.width.saturating_sub(width + 34);
        let title = crate::paint::cut(&scenario.title, room);
        screen.print(format!("  {sign}  {id}  {how}  {}", paint.dim(title)).trim_end());
        screen.print("\n");
        if scenario.findings.is_empty() {
            continue;
        }
        if let (Some(plan), Some(played)) = (&tried.plan, &tried.played) {
            let until = played.unmet.first().map_or(played.events.len(), |unmet| unmet.until);
            let lines = timeline(plan, &played.events[..until], paint);
            let left = lines.len().saturating_sub(SHOWN);
            if left > 0 {
                let more = format!("… {left} lines before; --trace {} prints all of them", scenario.id);
                screen.print(&format!("        {}\n", paint.dim(more)));
            }
            for line in &lines[left..] {
                screen.print(&format!("        {}\n", crate::paint::cut(line, paint.width.saturating_sub(8))));
            }
        }
        screen.print(&report(&tried.findings, &subject.file.sources, paint.width, paint.color));
    }
    coverage(file, arguments, screen);
}

/// What no scenario reaches.
fn coverage(file: &TestedFile, arguments: &Arguments, screen: &Screen) {
    let paint = screen.out;
    let (reached, can) = (file.reached.len(), file.can.len());
    screen.print(&format!("  coverage {:.0}%, {reached} of {can}\n", file.percent.floor()));
    if let Some(wanted) = file.required.filter(|wanted| file.percent + 1e-9 < *wanted) {
        screen.error(&format!(
            "{}: the scenarios reach {:.0}% of what can be reached, and --require-coverage asks for {wanted}%",
            one_line(&file.file),
            file.percent.floor()
        ));
    }
    if !arguments.filters.is_empty() {
        return;
    }
    let missing: Vec<_> = file.can.difference(&file.reached).collect();
    for sort in ["trigger", "rollback", "response", "wait", "gate", "when"] {
        let mut named: Vec<(&str, Vec<&str>)> = Vec::new();
        for one in missing.iter().filter(|one| one.sort == sort) {
            match named.last_mut().filter(|(id, _)| *id == one.id) {
                Some((_, hows)) => hows.push(one.how),
                None => named.push((&one.id, vec![one.how])),
            }
        }
        if named.is_empty() {
            continue;
        }
        let words: Vec<String> = named.iter().map(|(id, hows)| format!("{id} {}", hows.join(", "))).collect();
        let lines = crate::paint::wrap(&words.join(" · "), paint.width.saturating_sub(24));
        for (i, line) in lines.iter().enumerate() {
            let head = if i == 0 { format!("not reached: {sort}") } else { String::new() };
            screen.print(&format!("    {}  {line}\n", paint.dim(crate::paint::pad(&head, 21))));
        }
    }
}

/// The lines of some events, as plain output has them.
fn timeline(plan: &Plan, events: &[Event], paint: Paint) -> Vec<String> {
    let mut out = Vec::new();
    let mut run = Run::new(plan);
    let mut plain = Plain::new(&mut out, paint);
    for event in events {
        apply(&mut run, event);
        if plain.event(plan, &run, event).is_err() {
            break;
        }
    }
    String::from_utf8_lossy(&out).lines().map(str::to_owned).collect()
}

fn trace(id: &str, subjects: &[Subject], values: &[crate::plan::Given], screen: &Screen) -> Exit {
    let find = |s: &Subject| s.file.checked.model.scenarios.iter().position(|scenario| scenario.id.text == *id);
    let Some((subject, index)) = subjects.iter().find_map(|s| Some((s, find(s)?))) else {
        let all: Vec<&str> =
            subjects.iter().flat_map(|s| &s.file.checked.model.scenarios).map(|s| s.id.text.as_str()).collect();
        let close = crate::diagnostic::did_you_mean(id, all.iter().copied());
        let help = close.map(|close| format!("; did you mean `{close}`?")).unwrap_or_default();
        screen.error(&format!("there is no scenario `{}`{help}", one_line(id)));
        return Exit::Usage;
    };
    let tried = tried(&subject.file, index, values);
    if let (Some(plan), Some(played)) = (&tried.plan, &tried.played) {
        let mut out = Vec::new();
        let mut run = Run::new(plan);
        let mut plain = Plain::new(&mut out, screen.out);
        let shown = played.events.iter().try_for_each(|event| {
            apply(&mut run, event);
            plain.event(plan, &run, event)
        });
        let now = played.run.now;
        if shown.and_then(|()| plain.end(plan, &run, now)).is_ok() {
            screen.print(&String::from_utf8_lossy(&out));
        }
    }
    if tried.findings.is_empty() {
        return Exit::Done;
    }
    screen.note(&report(&tried.findings, &subject.file.sources, screen.err.width, screen.err.color));
    Exit::Findings
}
