//! `runbook backtest`: the triggers and gates of a runbook over the past of its sources.

use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;
use jiff::Timestamp;

use crate::plan::{ActionKind, Plan};
use crate::rehearse::{Incident, Past, Replayed, Skipped, as_json, as_text, backtest, replay_gates};
use crate::value::{Type, Value};
use crate::world::{Vault, World};

use super::inputs::VarArguments;
use super::live::{runtime, secrets};
use super::screen::Screen;
use super::{Exit, run};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The runbook [default: deploy.rb, runbook.rb or the only file in runbooks/]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// From then on: 2026-11-20T00:00:00Z, 2026-11-20, or a length of time before now such as 24h
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    from: String,
    /// Until then, in the same forms [default: now]
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    to: Option<String>,
    /// Something that really went wrong, FROM/TO: then false alarms are told from right ones; may be said again
    #[arg(long = "incident", value_name = "FROM/TO")]
    incidents: Vec<String>,
    /// How it is shown
    #[arg(long, value_name = "FORM", default_value = "text", hide_default_value = true)]
    output: Output,
    #[command(flatten)]
    vars: VarArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Text,
    /// For programs
    Json,
}

pub(super) fn main(arguments: &Arguments, screen: &Screen) -> Exit {
    let plan = match run::of_file(arguments.file.as_deref(), &arguments.vars, false, screen) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    let (from, to, incidents) = match times(arguments, &plan) {
        Ok(times) => times,
        Err(why) => {
            screen.error(&why);
            return Exit::Usage;
        }
    };
    let Some(runtime) = runtime(screen) else { return Exit::Fault };
    let mut past = Past { from, to, metrics: Default::default() };
    let unread = match runtime.block_on(read(&plan, &mut past, screen)) {
        Ok(unread) => unread,
        Err(exit) => return exit,
    };
    let mut found = backtest(&plan, &past, &incidents);
    let (gates, skipped) = replay_gates(&plan, &past);
    found.gates = gates;
    found.skipped.extend(skipped);
    for why in &unread {
        screen.error(&format!("{} {}: {}", why.sort, why.id, why.why));
    }
    screen.print(&match arguments.output {
        Output::Text => as_text(&plan, &past, &incidents, &found, screen.out),
        Output::Json => format!("{}\n", as_json(&plan, &past, &incidents, &found)),
    });
    if unread.is_empty() { Exit::Done } else { Exit::Findings }
}

fn times(arguments: &Arguments, plan: &Plan) -> Result<(Timestamp, Timestamp, Vec<Incident>), String> {
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_else(|_| Timestamp::now());
    let zone = crate::plan::moment::zone(&plan.runbook.timezone);
    // A day that is an end is in it.
    let read = |text: &str, end: bool| -> Result<Timestamp, String> {
        let wrong = || format!("`{text}` is no moment: write 2026-11-20T10:00:00Z, 2026-11-20, or 24h for a day ago");
        if let Ok(Value::Duration(ago)) = Type::Duration.read(text.trim_start_matches('-')) {
            return now.checked_sub(ago).map_err(|_| wrong());
        }
        match Type::Instant.read(text).or_else(|_| Type::Date.read(text)) {
            Ok(Value::Instant(at)) => Ok(at),
            Ok(Value::Local(local)) => zone.to_ambiguous_timestamp(local).compatible().map_err(|_| wrong()),
            Ok(Value::Date(date)) => {
                let day = if end { date.tomorrow().map_err(|_| wrong())? } else { date };
                day.to_zoned(zone.clone()).map(|z| z.timestamp().min(now)).map_err(|_| wrong())
            }
            _ => Err(wrong()),
        }
    };
    let from = read(&arguments.from, false)?;
    let to = arguments.to.as_deref().map_or(Ok(now), |text| read(text, true))?;
    if to <= from {
        return Err("--to is not after --from".into());
    }
    if to > now {
        return Err("--to is in the future, of which no source knows anything".into());
    }
    let incident = |text: &String| {
        let (from, to) = text.split_once('/').ok_or(format!("--incident {text}: write FROM/TO"))?;
        let (from, to) = (read(from, false)?, read(to, true)?);
        if to <= from {
            Err(format!("--incident {text}: it does not end after it begins"))
        } else {
            Ok(Incident { from, to })
        }
    };
    let incidents: Vec<Incident> = arguments.incidents.iter().map(incident).collect::<Result<_, _>>()?;
    for (incident, text) in incidents.iter().zip(&arguments.incidents) {
        if incident.to < from || incident.from > to {
            return Err(format!("--incident {text}: it lies outside of the time that is looked at"));
        }
    }
    Ok((from, to, incidents))
}

/// Reads the past of every metric that has one. What could not be read is told; what has none is no mistake.
async fn read(plan: &Plan, past: &mut Past, screen: &Screen) -> Result<Vec<Skipped>, Exit> {
    let dir = std::env::current_dir().map_err(|error| {
        screen.error(&format!("the current folder: {error}"));
        Exit::Usage
    })?;
    // Only the sources are asked, and only their secrets are read.
    let asked = |secret: &&crate::plan::Secret| secret.used_by.iter().any(|user| plan.source(user).is_some());
    let needed = Plan { secrets: plan.secrets.iter().filter(asked).cloned().collect(), ..plan.clone() };
    let vault: Vault = secrets(&needed, &dir, screen).await.ok_or(Exit::Usage)?;
    let (live, _lines) = tokio::sync::mpsc::channel(8);
    let world = Arc::new(World::new(plan, vault, &dir, &dir, live));
    let mut unread = Vec::new();
    // Only what is watched is read.
    let mut watched: Vec<&str> = plan.triggers.iter().filter_map(|t| t.condition()).flat_map(|c| c.watched()).collect();
    let actions = plan.nodes.iter().filter_map(|n| n.work()).flat_map(|w| &w.actions);
    for action in actions.chain(plan.metrics.iter().map(|m| &m.action)) {
        if let ActionKind::Gate(gate) = &action.kind {
            watched.extend(gate.watched());
        }
    }
    for (i, metric) in plan.metrics.iter().enumerate().filter(|(_, m)| watched.contains(&m.id.as_str())) {
        if !matches!(metric.action.kind, ActionKind::Query(_)) {
            continue;
        }
        // A source's steps are as long as its metric's, from the beginning on.
        match world.history(plan, i as u32, past.from, past.to).await {
            Ok(read) => {
                let (points, reach, baseline) = (read.points, read.reach, read.baseline);
                let replayed = Replayed { points, reach, apart: metric.every, baseline };
                past.metrics.insert(i as u32, replayed);
            }
            Err(why) => unread.push(Skipped { sort: "metric", id: metric.id.clone(), why }),
        }
    }
    Ok(unread)
}
