//! `runbook reschedule` and `runbook amend`: another start, or the plan of a changed file, for a run whose live part has not
//! begun. They are for a run that nobody runs just now.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::drive::Clock;
use crate::engine::{Event, EventKind, Say, Who, amendment};
use crate::journal::{Embedded, Journal, Record, RunJournal};
use crate::plan::{Inputs, Plan, digest, moment};
use crate::source::one_line;
use crate::value::{Type, Value};

use super::inputs::{VarArguments, given, inputs, recorded};
use super::live::who;
use super::run::with_inputs;
use super::say::{WhoArguments, new_key};
use super::screen::Screen;
use super::{Exit, resume};

#[derive(Debug, clap::Args)]
pub(super) struct RescheduleArguments {
    /// The run; may be left out where only one is open
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// The new T+0; without a zone that of the runbook counts
    #[arg(long, value_name = "INSTANT")]
    start: String,
    /// Why; it is recorded
    #[arg(long, value_name = "WHY", required = true)]
    reason: String,
    /// This window or blackout does not hold for this run; may be said again; it is recorded
    #[arg(long = "override", value_name = "WINDOW")]
    overrides: Vec<String>,
    #[command(flatten)]
    who: WhoArguments,
}

#[derive(Debug, clap::Args)]
pub(super) struct AmendArguments {
    /// The run; may be left out where only one is open
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// The changed file [default: the one of the run]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The T+0 of the new plan, if it is not the file's
    #[arg(long, value_name = "INSTANT")]
    start: Option<String>,
    /// Why; it is recorded
    #[arg(long, value_name = "WHY", required = true)]
    reason: String,
    /// This window or blackout does not hold for this run; may be said again; it is recorded
    #[arg(long = "override", value_name = "WINDOW")]
    overrides: Vec<String>,
    #[command(flatten)]
    vars: VarArguments,
    #[command(flatten)]
    who: WhoArguments,
}

pub(super) fn reschedule(arguments: &RescheduleArguments, screen: &Screen, state: &Path) -> Exit {
    let change = |record: &Record| {
        let start = instant(&arguments.start, &record.plan).map_err(|why| usage(screen, why))?;
        let Some(release) = &record.plan.release else {
            return Err(usage(screen, "the plan has no `release`, so there is no start that could be moved".into()));
        };
        let Some(before) = release.start else {
            return Err(usage(screen, "the plan has no `release.start`: it begins when it is started".into()));
        };
        let file = file_of(record);
        // With the start of before it must be the plan of before: else the file has changed, and that is another matter.
        let same = lowered(&file, recorded(&record.plan), Some(before), screen)?;
        let (was, is) = (digest(&same), record.run().digest);
        if without_origins(&same) != without_origins(&record.plan) {
            let file = file.display();
            return Err(usage(
                screen,
                format!(
                    "{file} has changed since the plan was made ({is}, now {was}); `runbook amend --start …` takes what it says now"
                ),
            ));
        }
        lowered(&file, recorded(&record.plan), Some(start), screen)
    };
    let common: Common<'_> = (arguments.run.as_deref(), &arguments.reason, &arguments.overrides, arguments.who.who());
    changed(common, screen, state, &change)
}

pub(super) fn amend(arguments: &AmendArguments, screen: &Screen, state: &Path) -> Exit {
    // It is named from where the command was called.
    let named = match arguments.file.as_ref().map(std::path::absolute).transpose() {
        Ok(named) => named,
        Err(error) => return usage(screen, error.to_string()),
    };
    let change = |record: &Record| {
        let start = arguments.start.as_ref().map(|text| instant(text, &record.plan)).transpose();
        let start = start.map_err(|why| usage(screen, why))?;
        let mut values = recorded(&record.plan);
        values.extend(given(&arguments.vars).map_err(|why| usage(screen, why))?);
        let own = file_of(record);
        let same = |file: &PathBuf| std::path::absolute(&own).is_ok_and(|own| own == *file);
        let file = named.clone().filter(|file| !same(file)).unwrap_or_else(|| file_of(record));
        let plan = lowered(&file, values, start, screen)?;
        let start_of = |plan: &Plan| plan.release.as_ref().and_then(|r| r.start);
        if let (None, Some(is), Some(was)) = (start, start_of(&plan), start_of(&record.plan))
            && is != was
            && start_of(&record.first) != Some(was)
        {
            return Err(usage(
                screen,
                format!("the run was rescheduled to {was}, and the file says {is}: say which with --start"),
            ));
        }
        Ok(plan)
    };
    let common: Common<'_> = (arguments.run.as_deref(), &arguments.reason, &arguments.overrides, arguments.who.who());
    changed(common, screen, state, &change)
}

fn usage(screen: &Screen, why: String) -> Exit {
    screen.error(&why);
    Exit::Usage
}

/// The file from which the plan of a run was made.
fn file_of(record: &Record) -> PathBuf {
    PathBuf::from(&record.plan.runbook.file)
}

/// Where values come from says nothing about the plan.
fn without_origins(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    plan.inputs.iter_mut().for_each(|input| input.origin.clear());
    plan.runbook.file.clear();
    plan
}

fn instant(text: &str, plan: &Plan) -> Result<Timestamp, String> {
    let zone = moment::zone(&plan.runbook.timezone);
    let wrong = |why: String| format!("--start `{}` is {why}", one_line(text));
    match Type::Instant.read(text.trim()).map_err(wrong)? {
        Value::Instant(at) => Ok(at),
        Value::Local(local) => {
            zone.to_ambiguous_timestamp(local).compatible().map_err(|error| wrong(error.to_string()))
        }
        _ => Err(wrong("not an instant".into())),
    }
}

fn lowered(
    file: &Path,
    values: Vec<crate::plan::Given>,
    start: Option<Timestamp>,
    screen: &Screen,
) -> Result<Plan, Exit> {
    // A start that the file has outside of a window is said by name, below.
    with_inputs(Some(file), || Ok(Inputs { start, ..inputs(values) }), true, screen)
}

type Common<'c> = (Option<&'c str>, &'c str, &'c [String], Who);

/// Gives a run its new plan.
fn changed(
    (run, reason, overrides, by): Common<'_>,
    screen: &Screen,
    state: &Path,
    change: &dyn Fn(&Record) -> Result<Plan, Exit>,
) -> Exit {
    let state = &std::path::absolute(state).unwrap_or_else(|_| state.to_owned());
    let (journal, record) = match resume::open(run, state) {
        Ok(found) => found,
        Err(why) => return usage(screen, why),
    };
    let unheard = Embedded::open(state).and_then(|store| store.has_wishes(&record.run().id));
    if unheard.unwrap_or(true) {
        let id = &record.run().id;
        return usage(
            screen,
            format!("somebody has said something that the run {id} has not heard: `runbook resume {id}` first"),
        );
    }
    // The file is the one of the run, by the name that it had: so the plan of an unchanged file is the same.
    if let Err(error) = std::env::set_current_dir(&record.run().dir) {
        return usage(screen, format!("the folder of the run, {}: {error}", record.run().dir));
    }
    let plan = match change(&record) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    match adopted(journal, &record, plan, one_line(reason.trim()), overrides, by) {
        Ok(text) => {
            screen.print(&format!("{text}\n"));
            Exit::Done
        }
        Err(why) => usage(screen, why),
    }
}

fn adopted(
    mut journal: RunJournal,
    record: &Record,
    plan: Plan,
    reason: String,
    overrides: &[String],
    by: Who,
) -> Result<String, String> {
    if reason.is_empty() {
        return Err("whoever changes a plan says why".into());
    }
    let run = record.run();
    if digest(&plan) == run.digest {
        return Err(format!("nothing would change: the plan is {}", run.digest));
    }
    if let Some(unknown) = overrides.iter().find(|name| !plan.calendar().any(|id| id == **name)) {
        return Err(format!("the plan has no window and no blackout `{}`", one_line(unknown)));
    }
    let passed = |name: &str| overrides.iter().any(|o| o == name) || run.overridden.contains_key(name);
    let now = Clock::not_before(run.now).0.now();
    let start = plan.release.as_ref().and_then(|r| r.start);
    let moved = record.plan.release.as_ref().and_then(|r| r.start) != start;
    if let Some(past) = start.filter(|start| moved && *start < now) {
        let zone = moment::zone(&plan.runbook.timezone);
        return Err(format!("{} is past: it is {}", moment::local_text(past, &zone), moment::local_text(now, &zone)));
    }
    if let Some((phase, why, names)) = start.and_then(|start| plan.outside(start.max(now), &passed)) {
        let names: Vec<String> = names.iter().map(|name| format!("--override {name}")).collect();
        return Err(format!("`{}` cannot start: {why}; {} passes over it", plan.node(phase).id, names.join(" ")));
    }
    let change = amendment(&record.plan, &run, plan, by.clone(), reason.clone())?;
    let EventKind::PlanChanged { digest, lapsed, plan, .. } = &change else { return Err("nothing changes".into()) };
    let (digest, plan) = (digest.clone(), plan.clone());
    let again: Vec<String> = lapsed.iter().map(|ix| plan.node(*ix).id.clone()).collect();
    // Nobody runs it: what follows from the new plan follows when it is taken up again.
    let at = now.max(run.now);
    let heard = overrides.iter().map(|name| {
        let say = Say::Override { name: name.clone(), reason: reason.clone() };
        EventKind::Heard { key: new_key(), by: by.clone(), say }
    });
    let kinds = std::iter::once(change).chain(heard);
    let events: Vec<Event> = kinds.map(|kind| Event { at, kind }).collect();
    journal.append(&events).map_err(|e| e.to_string())?;
    let id = &run.id;
    let start = start.map(|at| format!(", T+0 is {}", moment::local_text(at, &moment::zone(&plan.runbook.timezone))));
    let lapsed = match again.is_empty() {
        true => String::new(),
        false => format!("; asked for again: {}", again.join(", ")),
    };
    Ok(format!(
        "the run {id} goes on by the plan {digest}{}{lapsed}; `runbook resume {id}` goes on with it",
        start.unwrap_or_default()
    ))
}

impl WhoArguments {
    fn who(&self) -> Who {
        who(self.claim.clone())
    }
}
