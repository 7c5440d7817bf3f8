//! Parts of a plan in words: commands, requests, gates, outcomes.

use crate::paint;
use crate::source::{harmless, one_line};
use crate::value::{Expr, Part, Value, duration_text, offset_text, plain_text, template_text};

use super::super::{
    Action, ActionKind, Ask, AskSort, Channel, ChannelKind, Command, FailAfter, Gate, Hold, HoldLength, Level, Limit,
    Look, Message, Moment, Outcome, Plan, Query, QueryPiece, Request, Retry, Touch, UrlPart, Window,
};

/// A command as one could type it into a POSIX shell; what is only known during the run stands as `${name}`. Of a script
/// the first line.
pub fn command_text(command: &Command) -> String {
    if command.shell {
        let script = command.words.last().map(|w| template_text(&w.pieces)).unwrap_or_default();
        let mut lines = script.lines().map(str::trim).filter(|l| !l.is_empty());
        let first = lines.next().unwrap_or_default();
        let more = lines.count();
        let rest = match more {
            0 => String::new(),
            1 => " (and 1 line more)".into(),
            n => format!(" (and {n} lines more)"),
        };
        return one_line(&format!("{first}{rest}"));
    }
    let words = command.words.iter().flat_map(|word| match &word.pieces[..] {
        // A list is as many words as it has elements.
        [Part::Value(Expr::Value(Value::List(items)))] => {
            items.iter().map(|item| quoted(&[Part::Text(item.to_string())])).collect::<Vec<_>>()
        }
        pieces => vec![quoted(pieces)],
    });
    one_line(&words.collect::<Vec<_>>().join(" "))
}

/// A word, quoted if a shell would split it or act on it.
fn quoted(pieces: &[Part]) -> String {
    let text = template_text(pieces);
    let literal: String = pieces
        .iter()
        .map(|p| match p {
            Part::Text(text) => text.clone(),
            Part::Value(expr) => expr.known().map(ToString::to_string).unwrap_or_default(),
        })
        .collect();
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
    let unknown = pieces.iter().any(|p| matches!(p, Part::Value(e) if e.known().is_none()));
    let empty = literal.is_empty() && !unknown;
    if !empty && literal.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A request in words: method and URL.
pub fn request_text(request: &Request) -> String {
    let url: String = request
        .url
        .iter()
        .map(|part| match part {
            UrlPart::Text(text) => text.clone(),
            UrlPart::Base(expr) | UrlPart::Value(expr) => plain_text(expr),
        })
        .collect();
    one_line(&format!("{} {url}", request.method))
}

/// What an action does, in a word and a line.
pub(super) fn action_text(action: &Action) -> (&'static str, String) {
    if let (Some(builtin), ActionKind::Command(command)) = (&action.builtin, &action.kind) {
        // What was found has a name of the plan's own, which says nothing to anybody.
        let found = format!("@{}}}", builtin.subject);
        let command = command_text(command);
        let command = match command.find(&found).and_then(|end| Some((command[..end].rfind("${")?, end + found.len())))
        {
            Some((start, end)) => format!("{}WHAT-IT-WAS{}", &command[..start], &command[end..]),
            None => command,
        };
        let subject = &builtin.subject;
        return match &builtin.touch {
            Touch::Finds => ("reads", format!("{subject}: {command}")),
            Touch::Sets(Expr::Ref(_)) => ("sets", format!("{subject} to what it was: {command}")),
            Touch::Sets(share) => ("sets", format!("{subject} to {}: {command}", plain_text(share))),
            Touch::Checks => ("reads", format!("{subject} again: {command}")),
        };
    }
    match &action.kind {
        ActionKind::Command(command) if command.shell => ("shell", command_text(command)),
        ActionKind::Command(command) => ("run", command_text(command)),
        ActionKind::Request(request) => ("http", request_text(request)),
        ActionKind::Query(query) => ("asks", format!("{}: {}", query.source, query_text(query))),
        ActionKind::Notify(message) => ("notify", message_text(message)),
        ActionKind::Gate(gate) => ("gate", one_line(&gate_words(gate))),
        ActionKind::Hold(hold) => ("hold", hold_words(hold)),
        ActionKind::Ask(ask) => ("asks", one_line(&ask_words(ask))),
    }
}

/// A query in words, on one line, its values in place.
pub fn query_text(query: &Query) -> String {
    let piece = |piece: &QueryPiece| match piece {
        QueryPiece::Text(text) => text.clone(),
        QueryPiece::Value(expr, _) => plain_text(expr),
    };
    let text: String = query.pieces.iter().map(piece).collect();
    one_line(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Who is asked, what for, and who else when they do not answer.
fn ask_words(ask: &Ask) -> String {
    let what = match &ask.sort {
        AskSort::Approval => ", yes or no".to_owned(),
        AskSort::Confirmation | AskSort::Tick => String::new(),
        AskSort::Answer(ty) => format!(", for an answer ({ty})"),
    };
    format!("{}{what}{}", ask.people.words(), escalation_words(&ask.escalation))
}

/// The levels of an escalation, in words.
pub(super) fn escalation_words(levels: &[Level]) -> String {
    let mut words = Vec::new();
    for level in levels {
        let within = level.within.map(|w| format!(" for {}", duration_text(w))).unwrap_or_default();
        words.push(format!("{}{within}", level.people.words()));
    }
    if words.is_empty() { String::new() } else { format!("; from half time on {}", words.join(", then ")) }
}

/// What an action does, in a word and in all its lines.
pub(super) fn whole_action(action: &Action) -> (&'static str, String) {
    match &action.kind {
        ActionKind::Command(command) if command.shell => {
            let script = command.words.last().map(|w| template_text(&w.pieces)).unwrap_or_default();
            ("shell", script.trim_end().to_owned())
        }
        ActionKind::Notify(message) => ("notify", whole_message(message)),
        _ => action_text(action),
    }
}

/// A message: to whom, and all its lines.
pub(super) fn whole_message(message: &Message) -> String {
    let required = if message.required { " (required)" } else { "" };
    let own = message.settings.iter().filter(|(name, _)| !name.starts_with('@'));
    let own: Vec<String> = own.map(|(name, value)| format!("{name} = {}", one_line(&plain_text(value)))).collect();
    let own = if own.is_empty() { String::new() } else { format!(" ({})", own.join(", ")) };
    let to = format!("{}{required}{own}", message.channels.join(", "));
    let text = plain_text(&message.text);
    let text = text.trim_end();
    match &message.subject {
        Some(subject) => format!("{to}: {}\n{text}", plain_text(subject)).trim_end().to_owned(),
        None => format!("{to}: {text}"),
    }
}

/// A message: to whom, and its first line.
pub(super) fn message_text(message: &Message) -> String {
    let text = plain_text(&message.text);
    let subject = message.subject.as_ref().map(|s| format!("{}: ", plain_text(s))).unwrap_or_default();
    let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
    let first = lines.next().unwrap_or_default();
    let more = if lines.next().is_some() { " …" } else { "" };
    let required = if message.required { " (required)" } else { "" };
    format!("{}: {}{required}", message.channels.join(", "), one_line(&format!("{subject}{first}{more}")))
}

/// What happens then.
pub fn outcome_text(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Stop => "stop, nothing is undone".into(),
        Outcome::Continue => "go on with a reservation".into(),
        Outcome::Ignore => "nothing".into(),
        Outcome::Rollback(None) => "roll back".into(),
        Outcome::Rollback(Some(name)) => format!("roll back by `{name}`"),
        Outcome::Respond(name) => format!("`{name}`, beside the timeline"),
        Outcome::Pause { people, within, otherwise } => {
            let whom = if people.is_anybody() { String::new() } else { format!(" and ask {}", people.words()) };
            format!("pause for {}{whom}, then {}", duration_text(*within), outcome_text(otherwise))
        }
    }
}

/// A limit in words.
pub(super) fn limit_text(limit: &Limit) -> String {
    let duration = match limit.until {
        Some(until) => format!("until {}", offset_text(until)),
        None => duration_text(limit.duration),
    };
    let origin = if limit.written { "" } else { " (default)" };
    format!("{duration}, then {}{origin}", outcome_text(&limit.otherwise))
}

/// Tries in words.
pub(super) fn retry_text(retry: &Retry) -> String {
    let times = if retry.times == 1 { "once more".into() } else { format!("{} more times", retry.times) };
    let growing = match retry.backoff {
        b if b > 1.0 => format!(", {}x longer each time", crate::value::number_text(b)),
        _ => String::new(),
    };
    format!("{times}, after {}{growing}", duration_text(retry.every))
}

fn ordinal(n: u32) -> String {
    let suffix = match (n % 10, n % 100) {
        (1, h) if h != 11 => "st",
        (2, h) if h != 12 => "nd",
        (3, h) if h != 13 => "rd",
        _ => "th",
    };
    format!("{n}{suffix}")
}

/// A gate in words: when it passes, when it fails, what then.
pub fn gate_words(gate: &Gate) -> String {
    let mut words = Vec::new();
    let name = if gate.id.is_empty() { "in place" } else { &gate.id };
    match gate.within {
        None => words.push("one attempt".to_owned()),
        Some(within) => {
            let every = duration_text(gate.every);
            words.push(format!("an attempt every {every} for at most {}", duration_text(within)));
            words.push(match gate.pass_after {
                1 => "passes on the first passing attempt".into(),
                n => format!("passes on the {} passing attempt in a row", ordinal(n)),
            });
            words.push(match gate.fail_after {
                None => "fails at the deadline".into(),
                Some(FailAfter { times, in_a_row: false }) => {
                    format!("fails on the {} failing attempt", ordinal(times))
                }
                Some(FailAfter { times, in_a_row: true }) => {
                    format!("fails on the {} failing attempt in a row", ordinal(times))
                }
            });
        }
    }
    if let Some(outcome) = &gate.on_failure {
        words.push(format!("if it fails: {}", outcome_text(outcome)));
    }
    if gate.on_inconclusive != Outcome::Ignore {
        words.push(format!("if it cannot tell: {}", outcome_text(&gate.on_inconclusive)));
    }
    format!("{name}: {}", words.join("; "))
}

/// What a gate looks at, on one line.
pub fn look_words(gate: &Gate) -> String {
    look_lines(gate).join("; ")
}

/// What a gate looks at, a line each.
pub(super) fn look_lines(gate: &Gate) -> Vec<String> {
    looks_lines(&gate.looks)
}

/// What is looked at, a line each.
pub(super) fn looks_lines(looks: &[Look]) -> Vec<String> {
    looks
        .iter()
        .map(|look| match look {
            Look::Expect(check) | Look::Metric(check) => format!("expect {}", check.text),
            Look::Action(action) => {
                let (word, text) = action_text(action);
                let text = if word == "http" { text } else { format!("{word} {text}") };
                let expects: Vec<&str> = action.expects.iter().map(|c| c.text.as_str()).collect();
                let normal = match &action.kind {
                    ActionKind::Request(_) => "any 2xx",
                    _ => "exit 0",
                };
                let expects = if expects.is_empty() { normal.to_owned() } else { expects.join(", ") };
                format!("{text} → {expects}")
            }
        })
        .map(|line| one_line(&line))
        .collect()
}

/// A hold in words.
pub(super) fn hold_words(hold: &Hold) -> String {
    let length = match hold.length {
        HoldLength::For(length) => format!("for {}", duration_text(length)),
        HoldLength::Until(moment) => format!("until {}", offset_text(moment)),
    };
    if hold.checks.is_empty() {
        return length;
    }
    let checks: Vec<&str> = hold.checks.iter().map(|c| c.text.as_str()).collect();
    let row = if hold.fail_after.in_a_row { " in a row" } else { "" };
    let fails = format!("fails on the {} bad sample{row}", ordinal(hold.fail_after.times));
    one_line(&format!("{length}, throughout {}; {fails}", checks.join(" and ")))
}

/// A window in words.
/// A channel: its kind and where it goes.
pub(super) fn channel_text(channel: &Channel) -> String {
    let said = |names: &[&str]| {
        let found = names.iter().filter_map(|name| Some((*name, plain_text(channel.setting(name)?))));
        let words = found.map(|(name, value)| match name {
            "to" => format!("to {}", value.trim_start_matches("- ").replace("\n- ", ", ")),
            _ => value,
        });
        words.collect::<Vec<_>>().join(" ")
    };
    let kind = channel.kind.word();
    let place = match channel.kind {
        ChannelKind::Console => return "this terminal".to_owned(),
        ChannelKind::Webhook => said(&["url"]),
        ChannelKind::Slack => said(&["webhook", "room", "url"]),
        ChannelKind::Teams | ChannelKind::Discord => said(&["webhook"]),
        ChannelKind::Email => said(&["smtp", "to"]),
        ChannelKind::Pagerduty => said(&["url"]),
        ChannelKind::Statuspage => said(&["page", "url"]),
    };
    format!("{kind} {place}").trim_end().to_owned()
}

pub(super) fn window_text(window: &Window) -> String {
    let time = |time: Option<jiff::civil::Time>| time.map_or("00:00".to_owned(), |t| t.strftime("%H:%M").to_string());
    let hours = match (window.from, window.to) {
        (None, None) => String::new(),
        (from, to) => format!(" {}-{}", time(from), time(to)),
    };
    let days = if window.days.is_empty() { "every day".to_owned() } else { window.days.join(" ") };
    format!("starts in {} ({days}{hours} {})", window.id, window.timezone)
}

/// A moment in words.
pub(super) fn moment_text(plan: &Plan, moment: &Moment) -> String {
    let names = |nodes: &[super::super::NodeIx]| match nodes {
        [] => "nothing".to_owned(),
        [one] => plan.node(*one).id.clone(),
        [first, .., last] => format!("{} … {}", plan.node(*first).id, plan.node(*last).id),
    };
    match moment {
        Moment::Offset(offset) => offset_text(*offset),
        Moment::Start(nodes) => format!("the start of {}", names(&nodes[..nodes.len().min(1)])),
        Moment::End(nodes) => format!("the end of {}", names(nodes)),
        Moment::LiveEnd => "the end of the live part".into(),
        Moment::After(moment, shift) if shift.is_negative() => {
            format!("{} before {}", duration_text(shift.abs()), moment_text(plan, moment))
        }
        Moment::After(moment, shift) => format!("{} after {}", duration_text(*shift), moment_text(plan, moment)),
    }
}

/// A text in lines, the first behind `first`, the others below it.
pub(super) fn hanging(first: &str, text: &str, width: usize) -> String {
    let indent = paint::columns(first);
    let lines = paint::wrap(&harmless(text), width.saturating_sub(indent).max(24));
    let mut out = String::new();
    for (i, line) in lines.iter().enumerate() {
        let lead = if i == 0 { first.to_owned() } else { " ".repeat(indent) };
        out.push_str(format!("{lead}{line}").trim_end());
        out.push('\n');
    }
    out
}
