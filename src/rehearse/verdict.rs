//! What a scenario expects, held against what happened.

use jiff::{SignedDuration, Timestamp};

use crate::drive::virtual_time::Stuck;
use crate::engine::{Event, EventKind, Part};
use crate::plan::scenario::{Expectation, Scenario};
use crate::plan::{NodeIx, Plan, Undo};
use crate::source::Span;
use crate::value::{Comparison, Environment, Expr, Found, Ref, Value, duration_text, evaluate, offset_text};

use super::play::Played;

/// So many messages are shown of a channel on which none was right.
const SHOWN: usize = 3;

/// Something that is not as a scenario expects it.
#[derive(Clone, Debug, PartialEq)]
pub struct Unmet {
    /// The line that expects it.
    pub span: Span,
    /// What is not so.
    pub title: String,
    /// In a few words, at the line.
    pub label: String,
    /// What happened instead.
    pub notes: Vec<String>,
    /// It is clear after so many events.
    pub until: usize,
}

/// Everything that is not as it is expected to be.
pub(super) fn judge(plan: &Plan, scenario: &Scenario, played: &Played) -> Vec<Unmet> {
    let judge = Judge { plan, played };
    let mut unmet: Vec<Unmet> = judge.lines(scenario);
    unmet.extend(judge.endless(scenario));
    let ending = scenario.expected.iter().find_map(|expected| match &expected.what {
        Expectation::Ending { ending, before } => Some((ending.as_str(), *before, expected.span)),
        _ => None,
    });
    let (ending, before, span) = ending.unwrap_or(("completed", None, scenario.span));
    unmet.extend(judge.ending(ending, before, span));
    let others = scenario.expected.iter().filter_map(|expected| judge.expectation(&expected.what, expected.span));
    unmet.extend(others);
    unmet
}

struct Judge<'a> {
    plan: &'a Plan,
    played: &'a Played,
}

impl Judge<'_> {
    fn unmet(&self, span: Span, title: String, label: impl Into<String>, notes: Vec<String>) -> Unmet {
        Unmet { span, title, label: label.into(), notes, until: self.played.events.len() }
    }

    fn moment(&self, at: Timestamp) -> String {
        moment(at, self.played.zero)
    }

    /// Lines of the scenario that did not happen.
    fn lines(&self, scenario: &Scenario) -> Vec<Unmet> {
        let mut lines: Vec<_> = scenario.happenings.iter().filter(|h| !h.deed.is_of_the_world()).collect();
        lines.sort_by_key(|happening| happening.at);
        let refused = self.played.refused.iter().filter_map(|(number, why)| {
            let line = lines.get(number.checked_sub(1)?)?;
            let title = format!("what happens at {} in this scenario does not count", offset_text(line.at));
            let place = self.played.events.iter().position(
                |event| matches!(&event.kind, EventKind::Refused { key, .. } if super::cast::line_of(key) == Some(*number)),
            );
            let found = self.unmet(line.span, title, "refused", vec![why.clone()]);
            Some(Unmet { until: place.map_or(found.until, |place| place + 1), ..found })
        });
        let left = lines.iter().rev().take(self.played.left).rev().map(|line| {
            let title = format!("what happens at {} in this scenario never does", offset_text(line.at));
            let over = format!("the run was over at {}", self.moment(self.played.run.now));
            self.unmet(line.span, title, "never happens", vec![over])
        });
        refused.chain(left).collect()
    }

    fn endless(&self, scenario: &Scenario) -> Option<Unmet> {
        let why = match self.played.endless? {
            Stuck::Nothing => {
                "nothing runs, nothing is waited for, and the run is not over: this is a fault of runbook"
            }
            Stuck::TooMuch => "more happens than ever should: this is a fault of runbook",
        };
        Some(self.unmet(scenario.span, "this scenario comes to no end".into(), "never ends", vec![why.into()]))
    }

    fn ending(&self, expected: &str, before: Option<SignedDuration>, span: Span) -> Option<Unmet> {
        let (found, at) = (self.played.outcome, self.played.at);
        let when = self.moment(at);
        if found != expected {
            let title = format!("it ends `{found}` at {when}, and should be `{expected}`");
            let why = &self.played.run.why;
            let notes = if why.is_empty() { Vec::new() } else { vec![format!("why: {why}")] };
            return Some(self.unmet(span, title, format!("it is `{found}`"), notes));
        }
        let before = before?;
        let limit = self.played.zero.checked_add(before).ok()?;
        (at >= limit).then(|| {
            let title = format!("it is `{found}` at {when}, and should be before {}", offset_text(before));
            self.unmet(span, title, "too late", Vec::new())
        })
    }

    fn expectation(&self, what: &Expectation, span: Span) -> Option<Unmet> {
        match what {
            Expectation::Ending { .. } => None,
            Expectation::Undone(names) => self.undone(names, span),
            Expectation::Notified { channel, text } => self.notified(channel, text.as_ref(), span),
            Expectation::NeverStarted(node) => {
                let named = self.plan.named(node);
                let (place, at) = self.started(&named)?;
                let title = format!("`{node}` starts at {}, and should never", self.moment(at));
                Some(Unmet { until: place + 1, ..self.unmet(span, title, "it started", Vec::new()) })
            }
            Expectation::Asked(role) => {
                let found = self.played.asked.iter().any(|(_, roles)| roles.contains(role));
                let mut others: Vec<&str> =
                    self.played.asked.iter().flat_map(|(_, roles)| roles).map(String::as_str).collect();
                others.sort_unstable();
                others.dedup();
                let notes = match &others[..] {
                    [] => "nobody was asked anything".to_owned(),
                    others => format!("asked were {}", others.join(", ")),
                };
                (!found).then(|| self.unmet(span, format!("`{role}` is never asked"), "not asked", vec![notes]))
            }
            Expectation::Started { node, at: wanted } => {
                let Some((place, at)) = self.started(&self.plan.named(node)) else {
                    return Some(self.unmet(span, format!("`{node}` never starts"), "not started", Vec::new()));
                };
                let found = at.duration_since(self.played.zero).as_secs();
                (found != wanted.as_secs()).then(|| {
                    let title =
                        format!("`{node}` starts at {}, and should at {}", self.moment(at), offset_text(*wanted));
                    Unmet { until: place + 1, ..self.unmet(span, title, "another moment", Vec::new()) }
                })
            }
            Expectation::Duration(comparison, wanted) => {
                let run = &self.played.run;
                let since = run.live_since.or(run.started)?;
                let until = run.live_until.unwrap_or(self.played.at);
                let found = until.duration_since(since);
                let holds = compares(*comparison, Value::Duration(found), Value::Duration(*wanted));
                (!holds).then(|| {
                    let (found, wanted) = (duration_text(found), duration_text(*wanted));
                    let title = format!("it takes {found}, and should take {} {wanted}", comparison.symbol());
                    let note = "from the start of the live part to its end, or to the end of the way back";
                    self.unmet(span, title, "another length", vec![note.into()])
                })
            }
        }
    }

    fn undone(&self, names: &[String], span: Span) -> Option<Unmet> {
        let undone: Vec<NodeIx> = self
            .played
            .events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::UndoEnded { node, failure: None } => Some(*node),
                _ => None,
            })
            .collect();
        // A name may be that of a loop: all of its instances, one after the other.
        let mut left = undone.as_slice();
        let mut fits = true;
        for name in names {
            let named = self.plan.named(name);
            let own = left.iter().take_while(|ix| named.iter().any(|group| self.plan.is_within(**ix, *group))).count();
            // All of its instances that have done something which can be undone.
            let open = |ix: &NodeIx| {
                let node = &self.played.run.nodes[ix.index()];
                let undoable = self.plan.node(*ix).work().is_some_and(|w| matches!(w.undo, Undo::Actions { .. }));
                undoable && node.acted && named.iter().any(|group| self.plan.is_within(*ix, *group))
            };
            let all = (0..self.plan.nodes.len() as u32).map(NodeIx).filter(open).count();
            fits &= own > 0 && own >= all;
            left = &left[own..];
        }
        if fits && left.is_empty() {
            return None;
        }
        let found: Vec<&str> = undone.iter().map(|ix| self.plan.node(*ix).id.as_str()).collect();
        let title = match &found[..] {
            [] => "nothing is undone".to_owned(),
            found => format!("what is undone is [{}]", found.join(", ")),
        };
        let title = format!("{title}, and should be [{}]", names.join(", "));
        Some(self.unmet(span, title, "not so", Vec::new()))
    }

    fn notified(&self, channel: &str, text: Option<&(Comparison, Value)>, span: Span) -> Option<Unmet> {
        let run = &self.played.run;
        let own: Vec<_> = run.messages.iter().filter(|m| m.channel == channel).collect();
        let fits = |said: &str| {
            text.is_none_or(|(comparison, wanted)| compares(*comparison, Value::Text(said.into()), wanted.clone()))
        };
        let sent = |m: &&&crate::engine::state::MessageState| m.sent == Some(Ok(()));
        if own.iter().filter(sent).any(|m| fits(&m.text) || m.subject.as_deref().is_some_and(fits)) {
            return None;
        }
        let what = text.map(|(comparison, wanted)| format!(" {} \"{wanted}\"", comparison.symbol()));
        let title = format!("nothing{} is said on `{channel}`", what.unwrap_or_default());
        let mut notes: Vec<String> = Vec::new();
        for message in own.iter().rev().take(SHOWN).rev() {
            let how = match &message.sent {
                Some(Ok(())) => "said",
                Some(Err(_)) => "not sent",
                None => "never sent",
            };
            notes.push(format!("{how} at {}: {}", self.moment(message.at), crate::source::one_line(&message.text)));
        }
        if own.is_empty() {
            notes.push("nothing at all was said there".into());
        }
        Some(self.unmet(span, title, "never said", notes))
    }

    /// Where among the events the first of some nodes starts, and when.
    fn started(&self, named: &[NodeIx]) -> Option<(usize, Timestamp)> {
        let is = |ix: &NodeIx| named.iter().any(|group| self.plan.is_within(*ix, *group));
        self.played.events.iter().enumerate().find_map(|(i, Event { at, kind })| match kind {
            EventKind::NodeStarted { node } if is(node) => Some((i, *at)),
            EventKind::ActionStarted { slot, .. } if slot.part == Part::Forward && is(&slot.node) => Some((i, *at)),
            _ => None,
        })
    }
}

/// A moment of a rehearsal, relative to T+0, in whole seconds.
pub fn moment(at: Timestamp, zero: Timestamp) -> String {
    offset_text(SignedDuration::from_secs(at.duration_since(zero).as_secs()))
}

fn compares(comparison: Comparison, a: Value, b: Value) -> bool {
    struct Nothing;
    impl Environment for Nothing {
        fn look_up(&self, _reference: &Ref) -> Found {
            Found::Later
        }
    }
    let condition = Expr::Compare(comparison, Box::new(Expr::Value(a)), Box::new(Expr::Value(b)));
    evaluate(&condition, &Nothing) == Ok(Value::Bool(true))
}
