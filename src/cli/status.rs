//! `runbook status`, `runbook logs` and `runbook verify`: what a run is doing, what it did, and whether its record is whole.
//! They only look.

use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::json;

use crate::drive::Clock;
use crate::engine::state::{Mode, Status};
use crate::engine::{EventKind, Run, apply};
use crate::journal::{Embedded, JournalError, Record, RunRow};
use crate::paint;
use crate::plan::moment::{self, local_text};
use crate::plan::{NodeIx, Plan};
use crate::report::{Json, Plain, Reporter, now, summary};
use crate::source::one_line;

use super::Exit;
use super::screen::Screen;

/// So many of the runs that have ended are listed where none is open.
const LISTED: usize = 10;

/// How often the record is read again.
const AGAIN: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
pub(super) struct StatusArguments {
    /// The run; without it the one that is open, or a list
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// Show it again whenever it changes, until the run is over
    #[arg(long)]
    watch: bool,
    /// For whom
    #[arg(long, value_name = "HOW", default_value = "human", hide_default_value = true)]
    output: How,
}

#[derive(Debug, clap::Args)]
pub(super) struct LogsArguments {
    /// The run; without it the one that is open, else the newest
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// Go on with what happens, until the run is over
    #[arg(long, short)]
    follow: bool,
    /// For whom
    #[arg(long, value_name = "HOW", default_value = "human", hide_default_value = true)]
    output: How,
}

#[derive(Debug, clap::Args)]
pub(super) struct VerifyArguments {
    /// The run; without it every one
    #[arg(value_name = "RUN")]
    run: Option<String>,
}

/// For people or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum How {
    /// Lines
    Human,
    /// JSON
    Json,
}

pub(super) fn status(arguments: &StatusArguments, screen: &Screen, state: &Path) -> Exit {
    told(screen, show_status(arguments, screen, state))
}

pub(super) fn logs(arguments: &LogsArguments, screen: &Screen, state: &Path) -> Exit {
    told(screen, show_logs(arguments, screen, state))
}

pub(super) fn verify(arguments: &VerifyArguments, screen: &Screen, state: &Path) -> Exit {
    let store = match store(state) {
        Ok(store) => store,
        Err(why) => return told(screen, Err(why)),
    };
    let rows = match rows_of(&store, arguments.run.as_deref()) {
        Ok(rows) => rows,
        Err(why) => return told(screen, Err(why)),
    };
    let mut exit = Exit::Done;
    for row in rows {
        match store.read(&row.id) {
            Ok(record) => {
                let (count, head) = (record.events.len(), &record.head[..16.min(record.head.len())]);
                let records = if count == 1 { "record" } else { "records" };
                screen.print(&format!("{}: whole, {count} {records}, the last is {head}\n", one_line(&row.id)));
            }
            Err(error) => {
                exit = Exit::Findings;
                screen.error(&error.to_string());
            }
        }
    }
    exit
}

fn told(screen: &Screen, result: Result<(), String>) -> Exit {
    match result {
        Ok(()) => Exit::Done,
        Err(why) => {
            screen.error(&why);
            Exit::Usage
        }
    }
}

/// The store, if there is one: looking makes none.
fn store(state: &Path) -> Result<Embedded, String> {
    if !state.join("journal.db").is_file() {
        return Err(format!("no run was recorded in {}", state.display()));
    }
    Embedded::open(state).map_err(|e| e.to_string())
}

/// The runs that are meant by a name or a part of it; without one all.
fn rows_of(store: &Embedded, wanted: Option<&str>) -> Result<Vec<RunRow>, String> {
    let rows = store.runs().map_err(|e| e.to_string())?;
    let Some(wanted) = wanted else { return Ok(rows) };
    if let Some(exact) = rows.iter().find(|r| r.id == wanted) {
        return Ok(vec![exact.clone()]);
    }
    let fitting: Vec<RunRow> = rows.into_iter().filter(|r| r.id.contains(wanted)).collect();
    match fitting.len() {
        1 => Ok(fitting),
        0 => Err(format!("there is no run `{wanted}` here")),
        n => {
            let names: Vec<String> = fitting.iter().rev().take(LISTED).map(|r| format!("  {}", r.id)).collect();
            Err(format!("`{wanted}` fits {n} runs; name one:\n{}", names.join("\n")))
        }
    }
}

fn is_open(row: &RunRow) -> bool {
    row.ending.is_none_or(|ending| ending.can_go_on())
}

fn read(store: &Embedded, run: &str) -> Result<Record, String> {
    store.read(run).map_err(|error| match error {
        JournalError::NoRun(run) => format!("there is no run `{run}` here"),
        other => other.to_string(),
    })
}

fn show_status(arguments: &StatusArguments, screen: &Screen, state: &Path) -> Result<(), String> {
    let store = store(state)?;
    let rows = rows_of(&store, arguments.run.as_deref())?;
    let open: Vec<&RunRow> = rows.iter().filter(|row| is_open(row)).collect();
    let one = match (&arguments.run, &open[..]) {
        (Some(_), _) => rows.first(),
        (None, [one]) => Some(*one),
        (None, _) => None,
    };
    let Some(row) = one else {
        // Several are open, or none: the open ones, else the newest.
        let listed: Vec<&RunRow> = if open.is_empty() { rows.iter().rev().take(LISTED).collect() } else { open };
        return list(&store, &listed, arguments.output, screen);
    };
    let mut before = String::new();
    loop {
        let (text, over) = one_status(&store, &row.id, arguments.output, screen)?;
        if text != before {
            let clear = if arguments.watch && screen.out.color { "\u{1b}[H\u{1b}[J" } else { "" };
            // Whoever closes the pipe has seen enough.
            if !screen.print_on(&format!("{clear}{text}")) {
                return Ok(());
            }
            before = text;
        }
        if over || !arguments.watch {
            return Ok(());
        }
        std::thread::sleep(AGAIN);
    }
}

/// The status of a run, and whether nothing more will happen to it by itself.
fn one_status(store: &Embedded, id: &str, how: How, screen: &Screen) -> Result<(String, bool), String> {
    let record = read(store, id)?;
    let run = record.run();
    let running = run.ending().is_none() && store.is_running(id);
    let at = Clock::default().now();
    if how == How::Json {
        return Ok((format!("{}\n", as_json(&record, &run, running)), !running));
    }
    if !running && run.parked.is_some() {
        // Who is asked stands there as well.
        let open = now(&record.plan, &run, at, screen.out);
        return Ok((format!("{open}\n{}", summary(&record.plan, &run, at, screen.out)), true));
    }
    if !running {
        return Ok((summary(&record.plan, &run, at, screen.out), true));
    }
    let by = one_line(&run.by.to_string());
    Ok((format!("{}the run {id} of {by} goes on\n", now(&record.plan, &run, at, screen.out)), false))
}

fn as_json(record: &Record, run: &Run, running: bool) -> serde_json::Value {
    let (done, all) = run.progress(&record.plan);
    let busy = run.active.iter().filter(|ix| !record.plan.is_group(**ix));
    let nodes: Vec<_> = busy
        .map(|ix| {
            let node = record.plan.node(*ix);
            json!({ "id": node.id, "title": node.title, "since": run.node(*ix).work.as_ref().map(|w| w.since) })
        })
        .collect();
    let undone: Vec<&str> =
        run.back.iter().flat_map(|b| &b.undone).map(|ix| record.plan.node(*ix).id.as_str()).collect();
    let failed: Vec<&str> = record
        .plan
        .nodes
        .iter()
        .zip(&run.nodes)
        .filter(|(_, state)| state.status == Status::Failed)
        .map(|(node, _)| node.id.as_str())
        .collect();
    let state = match &run.mode {
        Mode::Ended(_) | Mode::Ending(..) => "ended",
        _ if !running && run.parked.is_some() => "parked",
        _ if !running => "left",
        Mode::Forward => "forward",
        Mode::Paused { .. } => "paused",
        Mode::Back => "back",
    };
    let reason = match (&run.mode, &run.back) {
        (Mode::Paused(pause), _) => Some(&pause.reason),
        (_, Some(back)) => Some(&back.reason),
        _ => Some(&run.why).filter(|why| !why.is_empty()),
    };
    let said = record.plan.nodes.iter().zip(&run.nodes);
    let answers: serde_json::Map<String, serde_json::Value> =
        said.filter_map(|(node, state)| Some((node.id.clone(), json!(state.said.as_ref()?)))).collect();
    let doubt = |ix: &NodeIx| record.plan.node(*ix).id.clone();
    let in_doubt: Vec<String> = match running {
        true => Vec::new(),
        false => run.in_doubt(&record.plan).iter().map(doubt).collect(),
    };
    json!({
        "v": 1, "run": run.id, "runbook": record.plan.runbook.id, "title": record.plan.runbook.title,
        "by": run.by.to_string(), "started": run.started, "state": state, "running": running,
        "ending": run.ending(), "done": done, "nodes": all, "active": nodes, "failed": failed,
        "undone": undone, "reason": reason, "head": record.head,
        "asks": super::say::open_questions(&record.plan, run),
        "answers": answers, "in_doubt": in_doubt, "until": run.parked, "digest": run.digest,
        "checklists": checklists(&record.plan, run),
    })
}

/// How far each checklist is that is open, item by item.
fn checklists(plan: &Plan, run: &Run) -> Vec<serde_json::Value> {
    let open = run.active.iter().filter(|ix| plan.node(**ix).is_checklist());
    let of = |ix: &NodeIx| {
        let items = plan.node(*ix).children().unwrap_or_default();
        let item = |ix: &NodeIx| {
            let (node, state) = (plan.node(*ix), run.node(*ix));
            let done = state.status.is_final();
            json!({ "id": node.id, "title": node.title, "done": done, "said": state.said })
        };
        let done = items.iter().filter(|ix| run.node(**ix).status.is_final()).count();
        json!({ "id": plan.node(*ix).id, "done": done, "of": items.len(), "items": items.iter().map(item).collect::<Vec<_>>() })
    };
    open.map(of).collect()
}

fn list(store: &Embedded, rows: &[&RunRow], how: How, screen: &Screen) -> Result<(), String> {
    if rows.is_empty() && how == How::Human {
        screen.print("no run was recorded here\n");
    }
    let widest = rows.iter().map(|r| r.id.len()).max().unwrap_or(0);
    for row in rows {
        let running = row.ending.is_none() && store.is_running(&row.id);
        let state = match row.ending {
            Some(ending) => ending.words().to_owned(),
            None if running => "goes on".to_owned(),
            None => match read(store, &row.id).ok().and_then(|r| Some((r.run().parked?, r.plan.runbook.timezone))) {
                Some((until, zone)) => format!("parked until {}", local_text(until, &moment::zone(&zone))),
                None => "left; `runbook resume` goes on".to_owned(),
            },
        };
        match how {
            How::Human => {
                screen.print(&format!("{}  {}  {state}\n", paint::pad(&one_line(&row.id), widest), row.started))
            }
            How::Json => {
                let line = json!({
                    "v": 1, "run": row.id, "runbook": row.runbook, "started": row.started, "running": running, "ending": row.ending,
                });
                screen.print(&format!("{line}\n"));
            }
        }
    }
    Ok(())
}

fn show_logs(arguments: &LogsArguments, screen: &Screen, state: &Path) -> Result<(), String> {
    let store = store(state)?;
    let rows = rows_of(&store, arguments.run.as_deref())?;
    let open: Vec<&RunRow> = rows.iter().filter(|row| is_open(row)).collect();
    let Some(row) = (if let [one] = open[..] { Some(one) } else { rows.last() }) else {
        return Err("no run was recorded here".into());
    };
    let out = std::io::stdout();
    let mut reporter: Box<dyn Reporter> = match arguments.output {
        How::Human => Box::new(Plain::new(out, screen.out)),
        How::Json => Box::new(Json::new(out)),
    };
    let (mut shown, mut state) = (0, None);
    loop {
        let record = read(&store, &row.id)?;
        let (run, plan) = state.get_or_insert_with(|| (Run::new(&record.first), record.first.clone()));
        for event in record.events.get(shown..).unwrap_or_default() {
            apply(run, event);
            if let EventKind::PlanChanged { plan: new, .. } = &event.kind {
                *plan = new.as_ref().clone();
            }
            // Whoever closes the pipe has seen enough.
            match reporter.event(plan, run, event) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => return Err(format!("standard output cannot be written: {error}")),
            }
        }
        shown = record.events.len();
        let over = run.is_over() || !store.is_running(&row.id);
        if over || !arguments.follow {
            return Ok(());
        }
        std::thread::sleep(AGAIN);
    }
}
