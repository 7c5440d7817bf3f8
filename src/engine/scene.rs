//! Where expressions find their values during a run.

use jiff::{SignedDuration, Timestamp};

use crate::plan::{ChannelKind, Plan};
use crate::value::{Environment, Found, Ref, RefKind, Value};

use super::event::{Receipt, Sample};
use super::span::Span;
use super::state::{Mode, Run, Status};

/// What happened, for messages: `event.*`.
#[derive(Clone, Debug, Default)]
pub(super) struct Happening {
    pub(super) reason: String,
    pub(super) node: String,
    pub(super) by: String,
}

/// A run at a moment.
pub(super) struct Scene<'a> {
    pub(super) plan: &'a Plan,
    pub(super) run: &'a Run,
    pub(super) now: Timestamp,
    /// A sample that is not part of the state yet.
    pub(super) newest: Option<(u32, &'a Sample)>,
    /// A sample that was young enough then is so still: what is judged takes its time.
    pub(super) asked_at: Option<Timestamp>,
    /// The spans of the condition that is judged.
    pub(super) spans: Option<&'a dyn Fn(u32) -> Option<Span>>,
    /// What happened.
    pub(super) happening: Option<&'a Happening>,
    /// A trigger that fires just now.
    pub(super) fires: Option<u32>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(plan: &'a Plan, run: &'a Run, now: Timestamp) -> Self {
        Scene { plan, run, now, newest: None, asked_at: None, spans: None, happening: None, fires: None }
    }

    fn metric(&self, name: &str) -> Found {
        let Some(i) = self.plan.metrics.iter().position(|m| m.id == name) else { return Found::Value(Value::None) };
        let index = i as u32;
        if let Some((newest, sample)) = self.newest
            && newest == index
        {
            return Found::Value(sample.value.clone());
        }
        let fresh = self.run.fresh(self.plan, index, self.now);
        let known = || self.run.known_at(self.plan, index, self.asked_at?);
        Found::Value(fresh.or_else(known).map_or(Value::None, |s| s.value.clone()))
    }

    fn word(&self, path: &str) -> Found {
        let text = |t: &str| Found::Value(Value::Text(t.to_owned()));
        let back = self.run.back.as_ref();
        match path {
            "plan.digest" => text(&self.run.digest),
            "execution.id" => text(&self.run.id),
            "execution.started" => self.run.started.map_or(Found::Later, |at| Found::Value(Value::Instant(at))),
            "execution.duration" => {
                let since = self.run.started.unwrap_or(self.now);
                let seconds = self.now.duration_since(since).as_secs();
                Found::Value(Value::Duration(SignedDuration::from_secs(seconds)))
            }
            "execution.progress" => {
                let (done, all) = self.run.progress(self.plan);
                text(&format!("{done} of {all}"))
            }
            "execution.notes" => {
                let notes = self.run.notes.iter().map(|(_, by, text)| Value::Text(format!("{text} ({by})")));
                Found::Value(Value::List(notes.collect()))
            }
            "event.reason" => text(&self.happened(|h| &h.reason, back.map(|b| b.reason.as_str()))),
            "event.node" => {
                let node = back.and_then(|b| b.node).map(|ix| self.plan.node(ix).id.as_str());
                text(&self.happened(|h| &h.node, node))
            }
            "event.by" => text(&self.happened(|h| &h.by, back.map(|b| b.by.as_str()))),
            "event.rollback" => text(back.map_or("", |b| self.plan.rollbacks[b.rollback].title.as_str())),
            "event.eta" => text(back.and_then(|b| b.eta.as_deref()).unwrap_or("unknown")),
            "event.commander" => text(&self.commander()),
            "incident.id" => self.incident(|receipt| Some(receipt.id.clone())),
            "incident.url" => self.incident(|receipt| receipt.url.clone()),
            "event.time" => Found::Value(Value::Instant(back.map_or(self.now, |b| b.since))),
            _ => Found::Never(format!("`{path}` is not known here")),
        }
    }

    /// What services made of this run's messages: the page of a status page first, else the alert.
    fn incident(&self, pick: impl Fn(&Receipt) -> Option<String>) -> Found {
        let of = |kind: ChannelKind| {
            let mut channels = self.plan.channels.iter().filter(|c| c.kind == kind);
            channels.find_map(|c| pick(self.run.receipts.get(&c.id)?))
        };
        let found = of(ChannelKind::Statuspage).or_else(|| of(ChannelKind::Pagerduty));
        Found::Value(found.map_or(Value::None, Value::Text))
    }

    /// Who leads: the role of the most severe of what has fired and is not over, and who answers for it now.
    pub(super) fn commander(&self) -> String {
        let mut open: Vec<u32> = self.run.incidents.keys().copied().chain(self.fires).collect();
        open.sort_by_key(|trigger| self.plan.triggers[*trigger as usize].rank);
        let id = open.into_iter().find_map(|trigger| self.plan.severity_of(trigger)?.commander.as_ref());
        let Some(role) = id.and_then(|id| self.plan.roles.iter().find(|r| r.id == *id)) else { return String::new() };
        let zero = self.run.zero.or(self.plan.release.as_ref().and_then(|r| r.start));
        match role.answering(self.now, zero)[..] {
            [] => role.title.clone(),
            ref names => format!("{} ({})", role.title, names.join(", ")),
        }
    }

    /// What happened: what is told first, else the way back, else the end.
    fn happened(&self, pick: impl Fn(&'a Happening) -> &'a String, of_back: Option<&str>) -> String {
        match (self.happening, of_back, &self.run.mode) {
            (Some(happening), ..) => pick(happening).clone(),
            (_, Some(text), _) => text.to_owned(),
            (.., Mode::Ending(_, reason)) => reason.clone(),
            _ => String::new(),
        }
    }
}

impl Environment for Scene<'_> {
    fn look_up(&self, reference: &Ref) -> Found {
        let name = &reference.name;
        match reference.kind {
            RefKind::Fact => self.run.facts.get(name).map_or_else(
                || Found::Never(format!("the fact `{name}` has not been asked yet")),
                |value| Found::Value(value.clone()),
            ),
            RefKind::Capture if name.starts_with('.') || self.run.secret_captures.contains(name) => Found::Later,
            RefKind::Capture => self.run.captures.get(name).map_or_else(
                || Found::Never(format!("`{name}` was not captured")),
                |value| Found::Value(value.clone()),
            ),
            RefKind::Metric | RefKind::Gate | RefKind::Flag => self.metric(name),
            RefKind::Baseline => {
                let Some(index) = self.plan.metrics.iter().position(|m| m.id == *name) else {
                    return Found::Never(format!("there is no metric `{name}`"));
                };
                let constant = self.plan.metrics[index].baseline.clone();
                match constant.or_else(|| self.run.baselines.get(&(index as u32)).map(|(value, _)| value.clone())) {
                    // Without one the look is an error.
                    Some(Value::None) => Found::Never(format!("{name} has no baseline")),
                    Some(value) => Found::Value(value),
                    None => Found::Never(format!("the baseline of {name} is read at the start of the live part")),
                }
            }
            RefKind::Word => self.word(name),
            RefKind::Answer => {
                let node = self.plan.find(name).and_then(|ix| self.run.answers.get(&ix));
                node.map_or_else(
                    || Found::Never(format!("`{name}` has not been answered")),
                    |value| Found::Value(value.clone()),
                )
            }
            RefKind::Secret | RefKind::Output => Found::Later,
            RefKind::Var | RefKind::Let | RefKind::Loop | RefKind::Param => {
                Found::Never(format!("`{name}` is not known here"))
            }
        }
    }

    /// True once it has held; unknown while it may still come to hold or nothing was seen; else false.
    fn held(&self, id: u32) -> Option<Value> {
        let span = self.spans?(id);
        Some(match span {
            Some(span) if span.held => Value::Bool(true),
            Some(span) if span.since.is_none() && span.blind == 0 && span.judged => Value::Bool(false),
            _ => Value::None,
        })
    }

    fn running(&self, step: &str) -> Option<SignedDuration> {
        let running = |ix: &crate::plan::NodeIx| self.run.node(*ix).status == Status::Running;
        let node = self.plan.named(step).into_iter().find(running)?;
        self.run.node(node).work.as_ref().map(|w| self.now.duration_since(w.since))
    }
}
