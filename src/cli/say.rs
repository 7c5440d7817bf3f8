//! What people say to a run, from another terminal or at its own: `approve`, `deny`, `confirm`, `tick`, `answer`, `waive`,
//! `trigger`, `note`.
//!
//! The words become what the engine understands, with the names of the run's own plan. It says whether that counts; what does
//! not count is said to whoever said it, and nothing else happens.

use std::io::IsTerminal;
use std::path::Path;

use crate::diagnostic::did_you_mean;
use crate::drive::Clock;
use crate::engine::state::{Mode, Status};
use crate::engine::{Event, EventKind, Input, Run, Say, Wish, advance};
use crate::journal::{Embedded, Record};
use crate::plan::{ActionKind, AskSort, NodeIx, Plan, Sort};
use crate::source::one_line;
use crate::value::Type;

use super::Exit;
use super::live::LiveArguments;
use super::screen::Screen;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The run, which may be left out where only one is open, and what is meant
    #[arg(value_name = "[RUN] ID", required = true, num_args = 1..=2)]
    words: Vec<String>,
    /// Why; it is recorded
    #[arg(long, value_name = "WHY")]
    reason: Option<String>,
    #[command(flatten)]
    who: WhoArguments,
}

#[derive(Debug, clap::Args)]
pub(super) struct TickArguments {
    /// The run, which may be left out where only one is open, and the item; at a terminal, without an item, a list of what is
    /// open
    #[arg(value_name = "[RUN] [ITEM]", num_args = 0..=2)]
    words: Vec<String>,
    /// Why; it is recorded
    #[arg(long, value_name = "WHY")]
    reason: Option<String>,
    #[command(flatten)]
    who: WhoArguments,
    /// It does not apply to this release
    #[arg(long)]
    na: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct WaiveArguments {
    /// The run, which may be left out where only one is open, and what is waived
    #[arg(value_name = "[RUN] ID", required = true, num_args = 1..=2)]
    words: Vec<String>,
    /// Why; it is recorded
    #[arg(long, value_name = "WHY", required = true)]
    reason: String,
    #[command(flatten)]
    live: LiveArguments,
}

#[derive(Debug, clap::Args)]
pub(super) struct AnswerArguments {
    /// The run, which may be left out where only one is open, the question and the answer
    #[arg(value_name = "[RUN] ID VALUE", required = true, num_args = 2..=3)]
    words: Vec<String>,
    #[command(flatten)]
    who: WhoArguments,
}

#[derive(Debug, clap::Args)]
pub(super) struct NoteArguments {
    /// The run, which may be left out where only one is open, and the remark
    #[arg(value_name = "[RUN] TEXT", required = true, num_args = 1..=2)]
    words: Vec<String>,
    #[command(flatten)]
    who: WhoArguments,
}

#[derive(Debug, clap::Args)]
pub(super) struct WhoArguments {
    /// Who you are; recorded as a claim beside the user of the operating system
    #[arg(long = "as", value_name = "EMAIL", env = "RUNBOOK_AS", hide_env_values = true)]
    pub(super) claim: Option<String>,
}

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Approve,
    Confirm,
    Deny,
    Tick,
    NotApplicable,
    Answer,
    Waive,
    Trigger,
    Note,
}

/// The words of somebody: what, of which thing, and why or what about it.
pub(super) struct Words<'w> {
    pub(super) verb: Verb,
    pub(super) id: &'w str,
    pub(super) rest: Option<&'w str>,
}

pub(super) fn plainly(verb: Verb, arguments: &Arguments, screen: &Screen, state: &Path) -> Exit {
    let (run, id) = split(&arguments.words);
    let words = Words { verb, id, rest: arguments.reason.as_deref() };
    done(say(run, &words, &arguments.who, state), screen)
}

pub(super) fn tick(arguments: &TickArguments, screen: &Screen, state: &Path) -> Exit {
    let verb = if arguments.na { Verb::NotApplicable } else { Verb::Tick };
    let run = match &arguments.words[..] {
        [] => None,
        // A run that is named alone: its items are listed.
        [run]
            if Embedded::open(state)
                .is_ok_and(|store| store.runs().is_ok_and(|all| all.iter().any(|r| r.id == *run))) =>
        {
            Some(run.as_str())
        }
        words => {
            let (run, id) = split(words);
            let words = Words { verb, id, rest: arguments.reason.as_deref() };
            return done(say(run, &words, &arguments.who, state), screen);
        }
    };
    match chosen(run, screen, state) {
        Ok((_, items)) if items.is_empty() => {
            screen.note("nothing was ticked");
            Exit::Done
        }
        Ok((run, items)) => {
            let mut exit = Exit::Done;
            for id in &items {
                let words = Words { verb, id, rest: arguments.reason.as_deref() };
                match say(Some(&run), &words, &arguments.who, state) {
                    Ok(text) => screen.print(&format!("{id}: {text}\n")),
                    Err(why) => {
                        screen.error(&format!("{id}: {why}"));
                        exit = Exit::Usage;
                    }
                }
            }
            exit
        }
        Err(why) => {
            screen.error(&why);
            Exit::Usage
        }
    }
}

/// What somebody chooses at the terminal of the items that are open, and of which run they are.
fn chosen(run: Option<&str>, screen: &Screen, state: &Path) -> Result<(String, Vec<String>), String> {
    let store = Embedded::open(state).map_err(|e| e.to_string())?;
    let id = super::resume::meant(&store, run)?;
    let record = store.read(&id).map_err(|e| e.to_string())?;
    let now = record.run();
    let open: Vec<NodeIx> = (0..record.plan.nodes.len() as u32)
        .map(NodeIx)
        .filter(|ix| is_item(&record.plan, *ix) && sort_of(&record.plan, *ix).is_some())
        .filter(|ix| now.node(*ix).status == Status::Running)
        .collect();
    let names: Vec<String> = open.iter().map(|ix| record.plan.node(*ix).id.clone()).collect();
    if open.is_empty() {
        return Err(format!(
            "no item of the run {id} waits for somebody now; `runbook status {id}` says how it stands"
        ));
    }
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Err(format!("`tick` of what? open: {}", names.join(", ")));
    }
    let shown: Vec<String> = open
        .iter()
        .map(|ix| {
            let node = record.plan.node(*ix);
            let line = format!("{}  {}", one_line(&node.id), one_line(&node.title));
            crate::paint::cut(&line, screen.err.width.saturating_sub(8).max(20))
        })
        .collect();
    let title =
        format!("{}: what is done? Space chooses, Enter ticks, Esc leaves it", one_line(&record.plan.runbook.title));
    let list = dialoguer::MultiSelect::new().with_prompt(title).items(&shown).report(false);
    let chosen = list.interact_opt().map_err(|e| format!("the terminal cannot be used: {e}"))?;
    let chosen = chosen.unwrap_or_default();
    Ok((id, chosen.into_iter().filter_map(|i| names.get(i).cloned()).collect()))
}

pub(super) fn answer(arguments: &AnswerArguments, screen: &Screen, state: &Path) -> Exit {
    let (run, id, value) = match &arguments.words[..] {
        [run, id, value] => (Some(run.as_str()), id, value),
        [id, value] => (None, id, value),
        _ => return Exit::Usage,
    };
    let words = Words { verb: Verb::Answer, id, rest: Some(value) };
    done(say(run, &words, &arguments.who, state), screen)
}

pub(super) fn note(arguments: &NoteArguments, screen: &Screen, state: &Path) -> Exit {
    let (run, text) = split(&arguments.words);
    done(say(run, &Words { verb: Verb::Note, id: text, rest: None }, &arguments.who, state), screen)
}

/// What is waived of a stuck run is waived by whoever takes it up again for that.
pub(super) fn waive(arguments: &WaiveArguments, screen: &Screen, state: &Path) -> Exit {
    let (run, id) = split(&arguments.words);
    let words = Words { verb: Verb::Waive, id, rest: Some(&arguments.reason) };
    let stuck = Embedded::open(state).ok().and_then(|store| {
        let run = super::resume::meant(&store, run).ok()?;
        let record = store.read(&run).ok()?;
        record.run().ending().filter(|ending| ending.can_go_on())
    });
    if stuck.is_none() {
        return done(say(run, &words, &WhoArguments { claim: arguments.live.claim.clone() }, state), screen);
    }
    let inputs = |record: &Record| {
        let run = record.run();
        let say = understood(&record.plan, &run, &words)?;
        let input = Input::Say { key: new_key(), by: arguments.live.who(), say };
        match refusal(&preview(record, input.clone())) {
            Some(why) => Err(why),
            None => Ok(vec![input]),
        }
    };
    super::resume::take_up(run, &arguments.live, screen, state, false, inputs)
}

/// The run, if it is named, and the thing.
fn split(words: &[String]) -> (Option<&str>, &str) {
    match words {
        [run, id] => (Some(run), id),
        [id] => (None, id),
        _ => (None, ""),
    }
}

fn done(result: Result<String, String>, screen: &Screen) -> Exit {
    match result {
        Ok(text) => {
            screen.print(&format!("{text}\n"));
            Exit::Done
        }
        Err(why) => {
            screen.error(&why);
            Exit::Usage
        }
    }
}

/// Hands over what is said, and waits until the run has heard it. What nobody runs hears it when it is taken up again.
fn say(run: Option<&str>, words: &Words<'_>, who: &WhoArguments, state: &Path) -> Result<String, String> {
    let store = Embedded::open(state).map_err(|e| e.to_string())?;
    let id = super::resume::meant(&store, run)?;
    let read = || store.read(&id).map_err(|e| e.to_string());
    let record = read()?;
    let now = record.run();
    if let Some(ending) = now.ending().filter(|ending| !ending.can_go_on()) {
        return Err(format!("the run {id} has ended: {}", ending.words()));
    }
    let say = understood(&record.plan, &now, words)?;
    let (key, by) = (new_key(), super::live::who(who.claim.clone()));
    // What would not count is said at once, and not handed over.
    let input = Input::Say { key: key.clone(), by: by.clone(), say: say.clone() };
    if let Some(why) = refusal(&preview(&record, input)) {
        return Err(why);
    }
    let wish = Wish::Say { key: key.clone(), by, say };
    if !store.is_running(&id) {
        store.wish(&id, &wish).map_err(|e| e.to_string())?;
        return Ok(format!("nobody runs {id} now; it hears of this at `runbook resume {id}`"));
    }
    super::reach::deliver(&store, &id, &wish)?;
    let heard = read()?;
    let own = |event: &&Event| match &event.kind {
        EventKind::Heard { key: other, .. } | EventKind::Refused { key: other, .. } => *other == key,
        _ => false,
    };
    match heard.events.iter().find(own).map(|event| &event.kind) {
        Some(EventKind::Refused { why, .. }) => Err(why.clone()),
        Some(_) => Ok(format!("recorded; `runbook status {id}` says how it stands")),
        None => Err(format!("the run {id} had ended before it heard of it")),
    }
}

/// What would follow, as far as the record goes.
fn preview(record: &Record, input: Input) -> Vec<Event> {
    let mut run = record.run();
    // A run that was halted hears of it when it goes on.
    run.halt = None;
    run.parked = None;
    advance(&record.plan, &mut run, input, Clock::default().now())
}

/// Why it does not count.
fn refusal(events: &[Event]) -> Option<String> {
    events.iter().find_map(|event| match &event.kind {
        EventKind::Refused { why, .. } => Some(why.clone()),
        _ => None,
    })
}

/// A key that nobody else has.
pub(super) fn new_key() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

/// So long a reason or a remark may be, in characters: it is read by people.
const LONGEST: usize = 2_000;

/// What somebody means, in the names of the plan.
pub(super) fn understood(plan: &Plan, run: &Run, words: &Words<'_>) -> Result<Say, String> {
    if [Some(words.id), words.rest].into_iter().flatten().any(|text| text.chars().count() > LONGEST) {
        return Err(format!("that is longer than {LONGEST} characters; put it into a file and name that"));
    }
    // It stands in one line of a message.
    let reason = words.rest.map(one_line).filter(|r| !r.trim().is_empty()).map(|r| r.trim().to_owned());
    let trigger = |id: &str| plan.triggers.iter().position(|t| t.id == id).map(|i| i as u32);
    match words.verb {
        Verb::Note => match words.id.trim() {
            "" => Err("a note says something".into()),
            text => Ok(Say::Note { text: text.to_owned() }),
        },
        Verb::Trigger => match trigger(words.id) {
            Some(trigger) => Ok(Say::Fire { trigger, reason }),
            None => Err(unknown("trigger", words.id, plan.triggers.iter().map(|t| t.id.as_str()))),
        },
        Verb::Approve | Verb::Confirm | Verb::Deny => {
            let yes = words.verb != Verb::Deny;
            match trigger(words.id) {
                Some(trigger) => Ok(Say::Decide { trigger, yes, reason }),
                None => {
                    let node = asking(plan, run, words.id)?;
                    Ok(Say::Answer { node, yes, value: None, reason })
                }
            }
        }
        Verb::Answer => {
            let node = asking(plan, run, words.id)?;
            let text = words.rest.unwrap_or_default();
            let Some(AskSort::Answer(ty)) = sort_of(plan, node) else {
                return Err(format!("`{}` is answered with yes or no: `approve`, `confirm` or `deny`", words.id));
            };
            let read = Type::from_name(&ty).unwrap_or(Type::Text).read(text.trim());
            let value = read.map_err(|why| format!("`{}` is {why}", one_line(text)))?;
            Ok(Say::Answer { node, yes: true, value: Some(value), reason: None })
        }
        Verb::Tick | Verb::NotApplicable => {
            let node = item(plan, run, words.id)?;
            if words.verb == Verb::NotApplicable && reason.is_none() {
                return Err(format!("why does `{}` not apply? say it with --reason, or behind the name", words.id));
            }
            Ok(Say::Tick { node, not_applicable: words.verb == Verb::NotApplicable, reason })
        }
        Verb::Waive => {
            let node = match plan.find(words.id) {
                Some(node) => node,
                None => item(plan, run, words.id)?,
            };
            Ok(Say::Waive { node, reason: reason.unwrap_or_default() })
        }
    }
}

fn sort_of(plan: &Plan, ix: NodeIx) -> Option<AskSort> {
    plan.node(ix).work()?.actions.iter().find_map(|action| match &action.kind {
        ActionKind::Ask(ask) => Some(ask.sort.clone()),
        _ => None,
    })
}

/// The node that asks.
fn asking(plan: &Plan, run: &Run, id: &str) -> Result<NodeIx, String> {
    if let Some(node) = plan.find(id) {
        return match sort_of(plan, node) {
            Some(AskSort::Tick) => Err(format!("`{id}` is an item of a checklist: `tick`")),
            Some(_) => Ok(node),
            None => Err(format!("`{id}` asks nothing")),
        };
    }
    let asks = open_questions(plan, run);
    Err(unknown("question", id, asks.iter().map(String::as_str)))
}

/// An item of a checklist by its whole name, or by its own where only one is so named.
fn item(plan: &Plan, run: &Run, id: &str) -> Result<NodeIx, String> {
    let items = || (0..plan.nodes.len() as u32).map(NodeIx).filter(|ix| is_item(plan, *ix));
    if let Some(node) = items().find(|ix| plan.node(*ix).id == id) {
        return Ok(node);
    }
    let end = format!(".{id}");
    let fitting: Vec<NodeIx> = items().filter(|ix| plan.node(*ix).id.ends_with(&end)).collect();
    match fitting[..] {
        [one] => Ok(one),
        [] => {
            let open = items().filter(|ix| run.node(*ix).status == Status::Running);
            let names: Vec<&str> = open.map(|ix| plan.node(ix).id.as_str()).collect();
            Err(unknown("item", id, names.into_iter()))
        }
        _ => {
            let names: Vec<&str> = fitting.iter().map(|ix| plan.node(*ix).id.as_str()).collect();
            Err(format!("`{id}` fits {}; name one", names.join(", ")))
        }
    }
}

fn is_item(plan: &Plan, ix: NodeIx) -> bool {
    plan.node(ix).work().is_some_and(|w| w.sort == Sort::Item)
}

fn unknown<'n>(what: &str, id: &str, names: impl Iterator<Item = &'n str> + Clone) -> String {
    let id = one_line(id);
    if let Some(close) = did_you_mean(&id, names.clone()) {
        return format!("there is no {what} `{id}`; did you mean `{close}`?");
    }
    let names: Vec<&str> = names.take(20).collect();
    match names.is_empty() {
        true => format!("there is no {what} `{id}`, and none is open"),
        false => format!("there is no {what} `{id}`; there are {}", names.join(", ")),
    }
}

/// What is asked now, by name: nodes that ask, and the trigger whose question is the first.
pub(super) fn open_questions(plan: &Plan, run: &Run) -> Vec<String> {
    let nodes = run.active.iter().filter(|ix| sort_of(plan, **ix).is_some_and(|sort| sort != AskSort::Tick));
    let mut found: Vec<String> = nodes.map(|ix| plan.node(*ix).id.clone()).collect();
    found.extend(run.questions.first().map(|q| plan.triggers[q.trigger as usize].id.clone()));
    found
}

/// What was typed at the run's own terminal.
pub(super) enum Typed {
    /// Something for the engine.
    Say(Say),
    /// It halts.
    Pause,
    /// It goes back.
    Rollback(Option<String>),
    /// Nothing for the run; it is shown.
    Help(String),
}

const TYPED: &str = "approve [ID] · deny [ID] WHY · confirm [ID] · tick ITEM · na ITEM WHY · answer [ID] VALUE · resume · \
                     waive ID WHY · trigger ID WHY · rollback [NAME] · pause · note TEXT";

/// Reads a line that was typed at the run's own terminal: the same words as from another one. Where only one question is open
/// its name may be left out.
pub(super) fn typed(plan: &Plan, run: &Run, line: &str) -> Result<Typed, String> {
    let line = line.trim();
    let (word, rest) = line.split_once(char::is_whitespace).map_or((line, ""), |(word, rest)| (word, rest.trim()));
    let verb = match word {
        "approve" | "yes" | "y" => Verb::Approve,
        "deny" | "no" | "n" => Verb::Deny,
        "confirm" => Verb::Confirm,
        "tick" => Verb::Tick,
        "na" => Verb::NotApplicable,
        "answer" => Verb::Answer,
        "waive" => Verb::Waive,
        "trigger" => Verb::Trigger,
        "note" => Verb::Note,
        "pause" => return Ok(Typed::Pause),
        "rollback" => return Ok(Typed::Rollback(Some(rest.to_owned()).filter(|r| !r.is_empty()))),
        "resume" if matches!(run.mode, Mode::Paused(_)) => return Ok(Typed::Say(Say::GoOn)),
        "resume" => return Err("the run is not paused".into()),
        "" | "help" | "?" => return Ok(Typed::Help(format!("type: {TYPED}"))),
        other => return Err(format!("`{}` is none of: {TYPED}", one_line(other))),
    };
    if verb == Verb::Note {
        return understood(plan, run, &Words { verb, id: rest, rest: None }).map(Typed::Say);
    }
    let (first, more) = rest.split_once(char::is_whitespace).map_or((rest, ""), |(a, b)| (a, b.trim()));
    let open = open_questions(plan, run);
    let asks = matches!(verb, Verb::Approve | Verb::Confirm | Verb::Deny | Verb::Answer);
    let named = plan.find(first).is_some() || plan.triggers.iter().any(|t| t.id == first);
    let (id, rest) = match &open[..] {
        [only] if asks && !named => (only.as_str(), rest),
        _ if first.is_empty() => {
            let items = (0..plan.nodes.len() as u32).map(NodeIx);
            let items = items.filter(|ix| is_item(plan, *ix) && run.node(*ix).status == Status::Running);
            let names: Vec<String> = match asks {
                true => open.clone(),
                false => items.map(|ix| plan.node(ix).id.clone()).collect(),
            };
            let names = if names.is_empty() { "nothing is".to_owned() } else { names.join(", ") };
            return Err(format!("`{word}` of what? open: {names}"));
        }
        _ => (first, more),
    };
    understood(plan, run, &Words { verb, id, rest: Some(rest) }).map(Typed::Say)
}
