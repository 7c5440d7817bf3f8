//! `runbook rehearse`: every single fault at every node, in virtual time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use clap::ValueEnum;

use crate::diagnostic::{Code, Diagnostic, has_errors, report};
use crate::plan::{Inputs, NodeIx, Plan, PlanError, staged};
use crate::rehearse::{
    Fate, Finding, FindingSort, Place, Sweep, Sweeper, fate_in_words, faults_in_words, sweep_as_json, sweep_as_text,
};
use crate::source::{Sources, Span};

use super::inputs::{VarArguments, given, inputs};
use super::screen::Screen;
use super::{Exit, files, test};

/// So many pairs are tried to know how long all of them take.
const TRIED: usize = 50;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The runbook [default: deploy.rb, runbook.rb or the only file in runbooks/]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Two faults at a time as well; it says first how many there are and how long they take
    #[arg(long)]
    pairs: bool,
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
}

pub(super) fn main(arguments: &Arguments, screen: &Screen) -> Exit {
    let (plan, sources) = match rehearsed(arguments.file.as_deref(), &arguments.vars, screen) {
        Ok(made) => made,
        Err(exit) => return exit,
    };
    let sweeper = Sweeper::new(&plan);
    let mut fates = swept(&sweeper);
    let single = fates.len();
    if arguments.pairs {
        fates.extend(pairs(&sweeper, screen));
    }
    let all = fates.len();
    let sweep = sweeper.report(fates);
    if arguments.output == Output::Json {
        screen.print(&format!("{}\n", sweep_as_json(sweeper.plan(), &sweep)));
        return exit(&sweep);
    }
    let pairs = if all > single { format!(" and {} pairs of them", all - single) } else { String::new() };
    let file = crate::source::one_line(&plan.runbook.file);
    screen.print(&format!("{}: {single} faults{pairs}; ", screen.out.bold(file)));
    screen.print(&sweep_as_text(sweeper.plan(), &sweep, screen.out));
    if sweep.findings.is_empty() {
        screen.print("\nnothing to complain about\n");
        return exit(&sweep);
    }
    let findings: Vec<Diagnostic> = sweep.findings.iter().map(|f| diagnostic(f, &plan, &sources)).collect();
    screen.print("\n");
    screen.print(&report(&findings, &sources, screen.out.width, screen.out.color));
    let words = if findings.len() == 1 { "1 finding".to_owned() } else { format!("{} findings", findings.len()) };
    screen.print(&format!("{words}; `runbook explain CODE` tells the whole story of one\n"));
    exit(&sweep)
}

fn exit(sweep: &Sweep) -> Exit {
    // Whatever goes wrong, a run comes to its end: else the engine is to blame, and not the runbook.
    if sweep.fates.iter().any(|fate| fate.place == Place::Endless) {
        return Exit::Fault;
    }
    if sweep.findings.is_empty() { Exit::Done } else { Exit::Findings }
}

/// The plan of a file as it can be rehearsed.
pub(super) fn rehearsed(
    file: Option<&std::path::Path>,
    vars: &VarArguments,
    screen: &Screen,
) -> Result<(Plan, Sources), Exit> {
    let usage = |why: String| {
        screen.error(&why);
        Exit::Usage
    };
    let path = file.map_or_else(files::usual_file, |file| Ok(file.to_owned())).map_err(usage)?;
    let Some(file) = test::readable(&path, screen)? else {
        return Err(usage(format!(
            "{} is a library: it has no timeline, and is imported by what is run",
            path.display()
        )));
    };
    if has_errors(&file.diagnostics) {
        return Err(Exit::Findings);
    }
    let values = given(vars).map_err(usage)?;
    // Where a runbook names no zone a rehearsal is the same on every machine.
    let inputs = Inputs { zone: "UTC".into(), ..inputs(values) };
    match staged(&file.checked.model, &file.sources, &inputs, None) {
        Ok(staged) => Ok((staged.plan, file.sources)),
        Err(PlanError { usage, findings }) => {
            // What follows from a variable without a value is no finding.
            if usage.is_empty() {
                screen.note(&report(&findings, &file.sources, screen.err.width, screen.err.color));
            }
            usage.iter().for_each(|why| screen.error(why));
            Err(if usage.is_empty() { Exit::Findings } else { Exit::Usage })
        }
    }
}

/// Sweeps on all cores.
pub(super) fn swept(sweeper: &Sweeper) -> Vec<Fate> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut all: Vec<(usize, Vec<Fate>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|rest| scope.spawn(move || (rest, sweeper.sweep(rest, cores)))).collect();
        workers.into_iter().map(joined).collect()
    });
    all.sort_by_key(|(rest, _)| *rest);
    // In their order along the happy path, however many cores there are.
    let mut fates: Vec<Fate> = all.into_iter().flat_map(|(_, fates)| fates).collect();
    fates.sort_by_key(|fate| fate.number);
    fates
}

/// What becomes of a run in which a node does not go well, for the plan.
pub(super) fn fates(plan: &Plan) -> BTreeMap<NodeIx, Vec<String>> {
    let sweeper = Sweeper::nodes(plan);
    let mut found: BTreeMap<NodeIx, Vec<String>> = BTreeMap::new();
    for fate in swept(&sweeper) {
        let [trouble] = &fate.troubles[..] else { continue };
        if let Some(ix) = trouble.node() {
            found.entry(ix).or_default().push(fate_in_words(sweeper.plan(), &fate));
        }
    }
    found
}

fn joined<T>(worker: std::thread::ScopedJoinHandle<'_, T>) -> T {
    match worker.join() {
        Ok(done) => done,
        Err(fault) => std::panic::resume_unwind(fault),
    }
}

fn pairs(sweeper: &Sweeper, screen: &Screen) -> Vec<Fate> {
    let all = sweeper.pairs();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Some from everywhere: a pair at the beginning has more before it than one at the end.
    let step = (all.len() / TRIED).max(1);
    let some: Vec<_> = all.iter().copied().step_by(step).collect();
    let since = Instant::now();
    sweeper.sweep_pairs(&some);
    let each = since.elapsed() / some.len().max(1) as u32;
    let seconds = each.as_secs_f64() * all.len() as f64 / cores as f64;
    screen.note(&format!("{} pairs of faults, about {}", all.len(), estimate(seconds)));
    let size = all.len().div_ceil(cores).max(1);
    let chunks: Vec<&[(usize, usize)]> = all.chunks(size).collect();
    std::thread::scope(|scope| {
        let workers: Vec<_> = chunks.into_iter().map(|chunk| scope.spawn(move || sweeper.sweep_pairs(chunk))).collect();
        workers.into_iter().flat_map(joined).collect()
    })
}

fn estimate(seconds: f64) -> String {
    match seconds {
        s if s < 1.5 => "a second".into(),
        s if s < 90.0 => format!("{s:.0} seconds"),
        s => format!("{:.0} minutes", s / 60.0),
    }
}

/// A finding, at the node that it is about, else at the head of the file.
fn diagnostic(finding: &Finding, plan: &Plan, sources: &Sources) -> Diagnostic {
    let span = finding.node.map_or_else(|| head(sources), |ix| line_of(ix, plan, sources));
    let code = match finding.sort {
        FindingSort::StuckUnheard => Code::StuckUnheard,
        FindingSort::LeftBehind => Code::LeftBehind,
        FindingSort::WaitUnheard => Code::WaitUnheard,
    };
    Diagnostic::new(code, span, finding.title.clone()).help(faults_in_words(&finding.after))
}

fn head(sources: &Sources) -> Span {
    sources.iter().next().map(|(id, file)| first_line(id, &file.text, 1)).unwrap_or_default()
}

fn line_of(ix: NodeIx, plan: &Plan, sources: &Sources) -> Span {
    let place = &plan.node(ix).place;
    let file = sources.iter().find(|(_, file)| file.name == place.file);
    file.map(|(id, file)| first_line(id, &file.text, place.line)).unwrap_or_else(|| head(sources))
}

/// What stands in a line, without what is around it.
fn first_line(file: crate::source::FileId, text: &str, line: usize) -> Span {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let own = text[start..].lines().next().unwrap_or_default();
    let indent = own.len() - own.trim_start().len();
    // A file is at most a mebibyte.
    Span { file, start: (start + indent) as u32, end: (start + own.trim_end().len()) as u32 }
}
