//! `runbook run`: from the file to the plan, and from the plan to the run.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use crate::diagnostic::{Code, has_errors, report, summary};
use crate::engine::{Input, Run, Say, Who};
use crate::journal::Embedded;
use crate::plan::{
    Action, ActionKind, AskSort, Inputs, Lane, NodeIx, Plan, PlanError, TextDetail, digest, dry_run, dry_run_with,
    plan, read, schedule, write,
};
use crate::source::one_line;
use crate::value::offset_text;

use super::inputs::{VarArguments, given, inputs};
use super::live::{LiveArguments, Start, go, runtime, secrets};
use super::say::new_key;
use super::screen::Screen;
use super::{Exit, files};

/// A node that was due so long ago is late.
const LATE: SignedDuration = SignedDuration::from_mins(1);

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The runbook [default: deploy.rb, runbook.rb or the only file in runbooks/]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Print the plan: every node with its time, its commands and its way back. Nothing is run, nothing is written
    #[arg(long)]
    dry_run: bool,
    /// With --dry-run: look whether everything is there that the plan needs: programs, servers, secrets, metrics, gates.
    /// It changes nothing; exit 1 if something is not there
    #[arg(long, requires = "dry_run")]
    probe: bool,
    /// With --dry-run: say at every node what becomes of the run if it fails there, worked out in virtual time
    #[arg(long, requires = "dry_run")]
    rehearse: bool,
    /// With --dry-run: also write the plan to a file, for --plan
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    save: Option<PathBuf>,
    /// Run the plan in a file that --save wrote, and nothing else
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "save", "vars", "files"])]
    plan: Option<PathBuf>,
    /// Start at once, without asking; it answers nothing else
    #[arg(long)]
    yes: bool,
    /// Do now what was due before now
    #[arg(long)]
    catch_up: bool,
    /// Halt when this node is through; `runbook resume` goes on behind it
    #[arg(long, value_name = "ID")]
    until: Option<String>,
    /// This window or blackout does not hold for this run; may be said again. With --reason; it is recorded
    #[arg(long = "override", value_name = "WINDOW", requires = "reason")]
    overrides: Vec<String>,
    /// End the process while nothing is to be done for a long time; `runbook resume --due` goes on then
    #[arg(long)]
    park: bool,
    /// This node was done before, by hand; may be said again. With --reason
    #[arg(long, value_name = "ID", requires = "reason")]
    done: Vec<String>,
    /// Why what is --done counts as done, or why a window does not hold; it is recorded
    #[arg(long, value_name = "WHY")]
    reason: Option<String>,
    #[command(flatten)]
    vars: VarArguments,
    #[command(flatten)]
    live: LiveArguments,
}

pub(super) fn main(arguments: &Arguments, screen: &Screen, state: &Path) -> Exit {
    let plan = match made(arguments, screen) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    if arguments.dry_run {
        return show(arguments, &plan, screen);
    }
    let marks = match marks(arguments, &plan) {
        Ok(marks) => marks,
        Err(why) => {
            screen.error(&why);
            return Exit::Usage;
        }
    };
    if let Some(exit) = refuse_outside(arguments, &plan, screen).or_else(|| refuse_late(arguments, &plan, screen)) {
        return exit;
    }
    if !arguments.yes && std::io::stdin().is_terminal() && std::io::stderr().is_terminal() && !asked(&plan, screen) {
        screen.note("nothing was started");
        return Exit::Stopped;
    }
    let Some(runtime) = runtime(screen) else { return Exit::Fault };
    runtime.block_on(start(arguments, &plan, marks, screen, state))
}

/// The plan: of a file, or from one.
fn made(arguments: &Arguments, screen: &Screen) -> Result<Plan, Exit> {
    if let Some(path) = &arguments.plan {
        let fail = |why: String| {
            screen.error(&format!("{}: {why}", path.display()));
            Exit::Usage
        };
        let text = std::fs::read_to_string(path).map_err(|e| fail(e.to_string()))?;
        return read(&text).map_err(|e| fail(e.to_string()));
    }
    of_file(arguments.file.as_deref(), &arguments.vars, !arguments.overrides.is_empty(), screen)
}

/// The plan of a file. `passes`: that its start lies outside of a window is said later, by name.
pub(super) fn of_file(file: Option<&Path>, vars: &VarArguments, passes: bool, screen: &Screen) -> Result<Plan, Exit> {
    with_inputs(file, || given(vars).map(inputs), passes, screen)
}

/// The plan of a file with inputs that are asked for once the file is right.
pub(super) fn with_inputs(
    file: Option<&Path>,
    values: impl FnOnce() -> Result<Inputs<'static>, String>,
    passes: bool,
    screen: &Screen,
) -> Result<Plan, Exit> {
    let usage = |why: String| {
        screen.error(&why);
        Exit::Usage
    };
    let file = file.map_or_else(files::usual_file, |file| Ok(file.to_owned())).map_err(usage)?;
    let loaded = files::load(&file).map_err(usage)?;
    if loaded.sources.file(loaded.file).text.trim_start().starts_with('{') {
        let shown = file.display();
        return Err(usage(format!(
            "{shown} is no runbook; a plan that was saved is run by `runbook run --plan {shown}`"
        )));
    }
    let examined = files::examine(loaded);
    let sources = &examined.sources;
    let mut findings = examined.diagnostics.clone();
    findings.retain(|finding| !passes || finding.code != Code::StartOutside);
    let findings = &findings;
    if has_errors(findings) {
        screen.note(&report(findings, sources, screen.err.width, screen.err.color));
        screen.error(&format!("{} cannot be run: {}", file.display(), summary(findings)));
        return Err(Exit::Findings);
    }
    if examined.library {
        return Err(usage(format!(
            "{} is a library: it has no timeline, and is imported by what is run",
            file.display()
        )));
    }
    plan(&examined.checked.model, sources, &values().map_err(usage)?).map_err(|PlanError { usage, findings }| {
        // What follows from a variable without a value is no finding.
        if usage.is_empty() {
            screen.note(&report(&findings, sources, screen.err.width, screen.err.color));
        }
        for why in &usage {
            screen.error(why);
        }
        if usage.is_empty() {
            screen.error(&format!("{} cannot be run: {}", file.display(), summary(&findings)));
            return Exit::Findings;
        }
        Exit::Usage
    })
}

fn show(arguments: &Arguments, plan: &Plan, screen: &Screen) -> Exit {
    if let Some(exit) = unknown_override(arguments, plan, screen) {
        return exit;
    }
    let fates = if arguments.rehearse { super::rehearse::fates(plan) } else { BTreeMap::new() };
    screen.print(&dry_run_with(plan, screen.out, TextDetail::Whole, &fates));
    if let Some(why) = outside(arguments, plan) {
        screen.note(&format!("warning: {why}"));
    }
    if let Some(path) = &arguments.save {
        if let Err(error) = std::fs::write(path, write(plan)) {
            screen.error(&format!("{}: {error}", path.display()));
            return Exit::Usage;
        }
        screen.note(&format!("plan {} saved to {}", digest(plan), path.display()));
    }
    if arguments.probe { super::probe::main(plan, screen) } else { Exit::Done }
}

/// A window that is passed over is one of the plan.
fn unknown_override(arguments: &Arguments, plan: &Plan, screen: &Screen) -> Option<Exit> {
    let unknown = arguments.overrides.iter().find(|name| !plan.calendar().any(|id| id == **name))?;
    screen.error(&format!("the plan has no window and no blackout `{}`", one_line(unknown)));
    Some(Exit::Usage)
}

/// Why the start lies outside of its windows, or in a blackout, and what could be done.
fn outside(arguments: &Arguments, plan: &Plan) -> Option<String> {
    let start = plan.release.as_ref().and_then(|r| r.start)?;
    let passed = |name: &str| arguments.overrides.iter().any(|o| o == name);
    let (phase, why, names) = plan.outside(start.max(now()), &passed)?;
    let names: Vec<String> = names.iter().map(|name| format!("--override {name}")).collect();
    Some(format!(
        "`{}` cannot start: {why}\n{} --reason WHY starts it all the same, and is recorded; or choose another release.start",
        plan.node(phase).id,
        names.join(" ")
    ))
}

/// A start outside of its windows, or in a blackout, is said now and not when everybody has come.
fn refuse_outside(arguments: &Arguments, plan: &Plan, screen: &Screen) -> Option<Exit> {
    if let Some(exit) = unknown_override(arguments, plan, screen) {
        return Some(exit);
    }
    screen.error(&outside(arguments, plan)?);
    Some(Exit::Usage)
}

/// What makes windows and blackouts not hold.
pub(super) fn overrides(names: &[String], reason: Option<&str>, by: &Who) -> Vec<Input> {
    let reason = reason.map(one_line).unwrap_or_default();
    let say = |name: &String| Say::Override { name: name.clone(), reason: reason.clone() };
    names.iter().map(|name| Input::Say { key: new_key(), by: by.clone(), say: say(name) }).collect()
}

/// Prepare nodes that were due before now: nobody should find that out in the middle.
fn refuse_late(arguments: &Arguments, plan: &Plan, screen: &Screen) -> Option<Exit> {
    let start = plan.release.as_ref().and_then(|r| r.start)?;
    let now = now();
    let schedule = schedule(plan);
    let done = |ix: NodeIx| {
        let named = arguments.done.iter().filter_map(|id| plan.find(id));
        named.into_iter().any(|group| plan.is_within(ix, group))
    };
    let late: Vec<String> = plan
        .timeline()
        .into_iter()
        .filter(|ix| !done(*ix))
        .filter(|ix| plan.node(*ix).lane == Lane::Prepare && !plan.is_group(*ix))
        .filter_map(|ix| {
            let at = schedule.of(ix).start?;
            let due = start.checked_add(at).ok()?;
            (now.duration_since(due) > LATE)
                .then(|| format!("  {}, due at {} ({due})", plan.node(ix).id, offset_text(at)))
        })
        .collect();
    if late.is_empty() || arguments.catch_up {
        return None;
    }
    screen.error(&format!(
        "these were due before now:\n{}\n--catch-up does them now; --done ID --reason WHY says that one was done; a later release.start gives them their time again",
        late.join("\n")
    ));
    Some(Exit::Usage)
}

/// Shows the plan in short and asks. Only `yes` is yes.
fn asked(plan: &Plan, screen: &Screen) -> bool {
    screen.note(&dry_run(plan, screen.err, TextDetail::Short));
    let mut err = std::io::stderr().lock();
    let question = screen.err.bold("Start? Only `yes` starts it: ");
    if write!(err, "{question}").and_then(|()| err.flush()).is_err() {
        return false;
    }
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).is_ok() && answer.trim() == "yes"
}

fn now() -> Timestamp {
    crate::drive::Clock::default().now()
}

/// Nodes that are meant by name: where the run halts, and what was done before.
struct Marks {
    until: Option<NodeIx>,
    done: Vec<(NodeIx, String)>,
}

fn marks(arguments: &Arguments, plan: &Plan) -> Result<Marks, String> {
    let known = |name: &String| {
        plan.find(name).filter(|ix| plan.in_timeline(*ix)).ok_or_else(|| {
            format!("the timeline has no node `{}`; `--dry-run` lists every node with its name", one_line(name))
        })
    };
    let until = arguments.until.as_ref().map(known).transpose()?;
    let reason = arguments.reason.as_deref().unwrap_or_default().trim();
    let mut done = Vec::new();
    for name in &arguments.done {
        let ix = known(name)?;
        if plan.node(ix).lane != Lane::Prepare {
            return Err(format!("`{name}` is not of a prepare phase: what was done before it could not be undone"));
        }
        let asks = |inner: NodeIx| {
            let asks = |a: &Action| matches!(&a.kind, ActionKind::Ask(ask) if ask.sort == AskSort::Approval);
            plan.is_within(inner, ix) && plan.node(inner).work().is_some_and(|w| w.actions.iter().any(asks))
        };
        if let Some(asked) = plan.timeline().into_iter().find(|inner| asks(*inner)) {
            let asked = &plan.node(asked).id;
            return Err(format!("`{asked}` is an approval: it is given with `runbook approve`, not done before"));
        }
        if reason.is_empty() {
            return Err("whoever says that something was done says why: --reason WHY".into());
        }
        done.push((ix, reason.to_owned()));
    }
    Ok(Marks { until, done })
}

async fn start(arguments: &Arguments, plan: &Plan, marks: Marks, screen: &Screen, state: &Path) -> Exit {
    let dir = match std::env::current_dir() {
        Ok(dir) => dir,
        Err(error) => {
            screen.error(&format!("the current folder: {error}"));
            return Exit::Usage;
        }
    };
    let Some(vault) = secrets(plan, &dir, screen).await else { return Exit::Usage };
    let id = new_id(plan);
    let journal = match Embedded::open(state).and_then(|store| store.begin(&id, plan)) {
        Ok(journal) => journal,
        Err(error) => {
            screen.error(&format!("nothing was started, because it could not be recorded: {error}"));
            return Exit::Usage;
        }
    };
    let begin = Input::Begin {
        parks: arguments.park,
        until: marks.until,
        done: marks.done,
        run: id,
        by: arguments.live.who(),
        dir: dir.display().to_string(),
        version: env!("CARGO_PKG_VERSION").into(),
    };
    let by = arguments.live.who();
    let inputs =
        std::iter::once(begin).chain(overrides(&arguments.overrides, arguments.reason.as_deref(), &by)).collect();
    let start = Start { plan, run: Run::new(plan), journal, dir, inputs, parks: arguments.park };
    go(start, vault, &arguments.live, screen).await
}

/// A name for a run that sorts by time and can be typed: `storefront-20251118-180000-3f9c`.
fn new_id(plan: &Plan) -> String {
    let random = uuid::Uuid::now_v7().simple().to_string();
    let time = now().strftime("%Y%m%d-%H%M%S").to_string();
    format!("{}-{time}-{}", plan.runbook.id, &random[random.len() - 4..])
}
