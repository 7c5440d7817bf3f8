//! `runbook resume` and `runbook rollback`: going on with a run that was paused or whose process is gone.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::engine::state::{Live, Mode};
use crate::engine::{Doubt, EventKind, Input, Run, Say, Wish};
use crate::journal::{Embedded, JournalError, Record, RunJournal};
use crate::plan::NodeIx;
use crate::source::one_line;
use crate::world::end_leftovers;

use super::Exit;
use super::live::{LiveArguments, Start, go, runtime, secrets};
use super::say::new_key;
use super::screen::Screen;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The run; may be left out where only one is open
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// What becomes of a step that was running when the process ended: it is done again, it was done, or it is undone with
    /// everything before it
    #[arg(long, value_name = "WHAT")]
    in_doubt: Option<InDoubt>,
    /// Go on with every run that was started with --park and whose moment has come, or to which somebody has said something, or
    /// whose process died; one process each, for cron
    #[arg(long, conflicts_with_all = ["run", "in_doubt", "overrides"])]
    due: bool,
    /// End the process while nothing is to be done for a long time; `runbook resume --due` goes on then
    #[arg(long)]
    park: bool,
    /// Nobody stands behind it: it ends no pause, and leaves a run alone that another process is running
    #[arg(long, hide = true)]
    unattended: bool,
    /// This window or blackout does not hold for this run; may be said again. With --reason; it is recorded
    #[arg(long = "override", value_name = "WINDOW", requires = "reason")]
    overrides: Vec<String>,
    /// Why a window does not hold
    #[arg(long, value_name = "WHY")]
    reason: Option<String>,
    #[command(flatten)]
    live: LiveArguments,
}

#[derive(Debug, clap::Args)]
pub(super) struct RollbackArguments {
    /// The run; may be left out where only one is open
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// By which rollback; without it, by the one that answers any failure
    #[arg(long, value_name = "NAME")]
    to: Option<String>,
    #[command(flatten)]
    live: LiveArguments,
}

/// What a person says of steps that are in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum InDoubt {
    Again,
    Done,
    Undo,
}

/// What becomes of the steps that are in doubt: what was said, else what is answered at the terminal. Where nobody says
/// anything they count as failed.
fn doubts(record: &Record, said: Option<InDoubt>, screen: &Screen) -> Result<Vec<(NodeIx, Doubt)>, String> {
    let run = record.run();
    let asks = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let mut found = Vec::new();
    for ix in run.in_doubt(&record.plan) {
        let node = record.plan.node(ix);
        let answer = match said {
            Some(said) => said,
            None if asks => ask_about(&node.id, &node.title, screen)?,
            None => InDoubt::Undo,
        };
        match answer {
            InDoubt::Again => found.push((ix, Doubt::Again)),
            InDoubt::Done => found.push((ix, Doubt::Done)),
            InDoubt::Undo => {}
        }
    }
    Ok(found)
}

fn ask_about(id: &str, title: &str, screen: &Screen) -> Result<InDoubt, String> {
    let (id, title) = (one_line(id), one_line(title));
    screen.note(&format!("`{id}` ({title}) was running when the process ended, and nobody knows how far it got"));
    loop {
        let mut err = std::io::stderr().lock();
        let question =
            screen.err.bold("`again` does it again, `done` goes on behind it, `undo` leaves it to the way back: ");
        write!(err, "{question}").and_then(|()| err.flush()).map_err(|e| e.to_string())?;
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer).map_err(|e| e.to_string())?;
        match answer.trim() {
            "again" => return Ok(InDoubt::Again),
            "done" => return Ok(InDoubt::Done),
            "undo" => return Ok(InDoubt::Undo),
            _ if read == 0 => return Err("nothing was answered, and nothing was changed".into()),
            _ => {}
        }
    }
}

pub(super) fn main(arguments: &Arguments, screen: &Screen, state: &Path) -> Exit {
    if arguments.due {
        return super::due::main(&arguments.live, screen, state);
    }
    if arguments.unattended && is_taken(arguments, state) {
        return Exit::Done;
    }
    if let Some(told) = go_on(arguments, state).filter(|_| !arguments.unattended) {
        return match told {
            Ok(id) => {
                screen.print(&format!("the run {id} goes on; `runbook logs {id} --follow` shows it\n"));
                Exit::Done
            }
            Err(why) => {
                screen.error(&why);
                Exit::Usage
            }
        };
    }
    let resume = |record: &Record| {
        let by = arguments.live.who();
        let doubts = doubts(record, arguments.in_doubt, screen)?;
        let mut inputs = vec![Input::Resume { by: by.clone(), doubts }];
        // Whoever resumes a pause wants what stopped to be done again.
        if matches!(record.run().mode, Mode::Paused(_)) && !arguments.unattended {
            inputs.push(Input::Say { key: new_key(), by: by.clone(), say: Say::GoOn });
        }
        if let Some(unknown) = arguments.overrides.iter().find(|name| !record.plan.calendar().any(|id| id == **name)) {
            return Err(format!("the plan has no window and no blackout `{}`", one_line(unknown)));
        }
        inputs.extend(super::run::overrides(&arguments.overrides, arguments.reason.as_deref(), &by));
        Ok(inputs)
    };
    take_up(arguments.run.as_deref(), &arguments.live, screen, state, arguments.park, resume)
}

/// Whether another process runs it by now.
fn is_taken(arguments: &Arguments, state: &Path) -> bool {
    let store = Embedded::open(state).ok();
    store.zip(arguments.run.as_ref()).is_some_and(|(store, run)| store.is_running(run))
}

/// Ends the pause of a run that another process is running. Nothing if nobody runs it.
fn go_on(arguments: &Arguments, state: &Path) -> Option<Result<String, String>> {
    let store = Embedded::open(state).ok()?;
    let id = meant(&store, arguments.run.as_deref()).ok().filter(|id| store.is_running(id))?;
    let run = store.read(&id).ok()?.run();
    if !matches!(run.mode, Mode::Paused(_)) {
        return None;
    }
    let key = new_key();
    let wish = Wish::Say { key: key.clone(), by: arguments.live.who(), say: Say::GoOn };
    if let Err(why) = super::reach::deliver(&store, &id, &wish) {
        return Some(Err(why));
    }
    let refused = store.read(&id).ok()?.events.into_iter().find_map(|event| match event.kind {
        EventKind::Refused { key: other, why, .. } if other == key => Some(why),
        _ => None,
    });
    Some(refused.map_or(Ok(id), Err))
}

pub(super) fn roll_back(arguments: &RollbackArguments, screen: &Screen, state: &Path) -> Exit {
    let by = arguments.live.who();
    let to = arguments.to.clone();
    match send_back(arguments, state) {
        Ok(Some(id)) => {
            screen.print(&format!("the run {id} goes back; `runbook logs {id} --follow` shows it\n"));
            return Exit::Done;
        }
        Ok(None) => {}
        Err(why) => {
            screen.error(&why);
            return Exit::Usage;
        }
    }
    let inputs = |record: &Record| {
        known_way(record, to.as_deref())?;
        let run = record.run();
        match run.live {
            // The way that it was going, or what it is stuck at, is not tried again first.
            Live::Running if run.back.is_some() => {
                Ok(vec![Input::Rollback { by: by.clone(), to: to.clone(), resumes: true }])
            }
            Live::Running => Ok(vec![
                Input::Resume { by: by.clone(), doubts: Vec::new() },
                Input::Rollback { by: by.clone(), to: to.clone(), resumes: false },
            ]),
            Live::Before => Err("the live part of this run has not begun, so there is nothing to roll back".into()),
            Live::Ended => Err("the live part of this run is through, and the release is committed".into()),
        }
    };
    take_up(arguments.run.as_deref(), &arguments.live, screen, state, false, inputs)
}

/// The rollback is one of the plan's.
fn known_way(record: &Record, to: Option<&str>) -> Result<(), String> {
    let Some(name) = to.filter(|name| record.plan.rollback(Some(name)).is_none()) else { return Ok(()) };
    let names: Vec<&str> = record.plan.rollbacks.iter().map(|r| r.id.as_str()).filter(|id| !id.is_empty()).collect();
    let names =
        if names.is_empty() { "it has no named ones".to_owned() } else { format!("it has {}", names.join(", ")) };
    Err(format!("the plan has no rollback `{name}`; {names}"))
}

/// Sends a run back that another process is running; says which one it is. Nothing if nobody runs it.
fn send_back(arguments: &RollbackArguments, state: &Path) -> Result<Option<String>, String> {
    let store = Embedded::open(state).map_err(|e| e.to_string())?;
    let id = meant(&store, arguments.run.as_deref())?;
    if !store.is_running(&id) {
        return Ok(None);
    }
    let before = store.read(&id).map_err(|e| e.to_string())?;
    known_way(&before, arguments.to.as_deref())?;
    let run = before.run();
    match (run.live, &run.mode) {
        (Live::Before, _) => {
            return Err("the live part of this run has not begun, so there is nothing to roll back".into());
        }
        (Live::Ended, _) => return Err("the live part of this run is through, and the release is committed".into()),
        (Live::Running, Mode::Back) => {
            return Err(format!(
                "the run {id} goes back already, and `runbook logs {id} --follow` shows it; to go back in another way, `runbook pause {id}` first"
            ));
        }
        (Live::Running, _) => {}
    }
    let wish = Wish::Rollback { by: arguments.live.who(), to: arguments.to.clone() };
    super::reach::deliver(&store, &id, &wish)?;
    // It may have been through its live part before it heard of it.
    match store.read(&id).map_err(|e| e.to_string())?.run().back {
        Some(_) => Ok(Some(id)),
        None => {
            Err(format!("the run {id} had gone on, and does not go back; `runbook status {id}` says how it stands"))
        }
    }
}

pub(super) fn take_up(
    run: Option<&str>,
    live: &LiveArguments,
    screen: &Screen,
    state: &Path,
    parks: bool,
    inputs: impl Fn(&Record) -> Result<Vec<Input>, String>,
) -> Exit {
    let (journal, record) = match open(run, state) {
        Ok(found) => found,
        Err(why) => {
            screen.error(&why);
            return Exit::Usage;
        }
    };
    let inputs = match inputs(&record) {
        Ok(inputs) => inputs,
        Err(why) => {
            screen.error(&why);
            return Exit::Usage;
        }
    };
    let state: Run = record.run();
    let dir = PathBuf::from(&state.dir);
    let Some(runtime) = runtime(screen) else { return Exit::Fault };
    runtime.block_on(async {
        // Secrets are read again, never stored.
        let Some(vault) = secrets(&record.plan, &dir, screen).await else { return Exit::Usage };
        end_what_is_left(&record, &journal, screen).await;
        let start = Start { plan: &record.plan, run: state, journal, dir: dir.clone(), inputs, parks };
        go(start, vault, live, screen).await
    })
}

/// Ends what a process of the run that was killed has left running. Nothing may be undone or done again beside it.
pub(super) async fn end_what_is_left(record: &Record, journal: &RunJournal, screen: &Screen) {
    for whose in end_leftovers(&journal.folder(), record.plan.runbook.grace).await {
        screen.note(&format!("what was still running of {whose} was ended; how far it came is not known"));
    }
}

/// The record of an open run that nobody is running, to be continued.
pub(super) fn open(run: Option<&str>, state: &Path) -> Result<(RunJournal, Record), String> {
    let store = Embedded::open(state).map_err(|e| e.to_string())?;
    let id = meant(&store, run)?;
    let taken = format!("the run {id} is being run by another process; `runbook pause {id}` halts it");
    let store_path = state.display().to_string();
    match store.resume(&id) {
        Ok(Some((journal, record))) => match record.run().ending() {
            Some(ending) if !ending.can_go_on() => Err(format!("the run {id} has ended: {}", ending.words())),
            _ => Ok((journal, record)),
        },
        Ok(None) => Err(taken),
        Err(JournalError::NoRun(run)) => Err(format!("there is no run `{run}` in {store_path}")),
        Err(error) => Err(error.to_string()),
    }
}

/// The run that is meant: by its name, a part of it that fits only one, or the only one that is open.
pub(super) fn meant(store: &Embedded, run: Option<&str>) -> Result<String, String> {
    let rows = store.runs().map_err(|e| e.to_string())?;
    let list = |rows: &[&str]| rows.iter().map(|r| format!("  {r}")).collect::<Vec<_>>().join("\n");
    let open: Vec<&str> =
        rows.iter().filter(|r| r.ending.is_none_or(|e| e.can_go_on())).map(|r| r.id.as_str()).collect();
    let Some(wanted) = run else {
        return match open[..] {
            [one] => Ok(one.to_owned()),
            [] => Err("no run is open here".into()),
            _ => Err(format!("several runs are open; name one:\n{}", list(&open))),
        };
    };
    if rows.iter().any(|r| r.id == wanted) {
        return Ok(wanted.to_owned());
    }
    let mut fitting: Vec<&str> = open.iter().copied().filter(|id| id.contains(wanted)).collect();
    if fitting.is_empty() {
        fitting = rows.iter().map(|r| r.id.as_str()).filter(|id| id.contains(wanted)).collect();
    }
    match fitting[..] {
        [one] => Ok(one.to_owned()),
        [] if open.is_empty() => Err(format!("there is no run `{wanted}`, and none is open here")),
        [] => Err(format!("there is no run `{wanted}`; open are:\n{}", list(&open))),
        _ => Err(format!("`{wanted}` fits several runs; name one:\n{}", list(&fitting))),
    }
}
