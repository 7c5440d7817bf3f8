//! The world: processes, HTTP, samples of metrics, channels, secrets. It does what the engine wants and tells what came
//! of it; it decides nothing.
//!
//! Every effect can be cancelled and has an end. Secrets are known here and nowhere else.
#![allow(clippy::disallowed_methods, reason = "the world is files, processes, sockets and clocks")]

mod channel;
mod history;
mod http;
mod leftover;
mod look;
mod mask;
mod output;
mod probe;
mod process;
mod sample;
mod scope;
mod session;
mod source;
mod vault;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::SignedDuration;
use tokio::sync::{mpsc, watch};

use crate::engine::{ActionResult, Captured, Done, Effect, EffectId, Failure, FailureSort, Live, Part};
use crate::plan::{Action, ActionKind, Capture, Fact, Plan};
use crate::value::{EvalError, Type, Value, duration_text, evaluate};

pub use channel::unusable_channels;
pub use history::History;
pub use leftover::end_leftovers;
pub use mask::Mask;
pub use probe::{Probed, Readiness, secret_place};
pub use vault::{SecretError, Vault};

use process::Hidden;
use scope::{Outcome, ResultScope};

/// How an effect is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// It goes on.
    No,
    /// SIGTERM, and after the grace SIGKILL.
    Gently,
    /// SIGKILL.
    Now,
}

/// Where an effect hears that it should end.
pub type Stopper = watch::Receiver<Stop>;

/// What every effect of a run shares.
pub struct World {
    vault: Arc<Vault>,
    dir: PathBuf,
    inherit: Vec<String>,
    grace: SignedDuration,
    folder: PathBuf,
    live: mpsc::Sender<Live>,
    clients: http::Clients,
    names: Vec<String>,
    places: source::Places,
}

impl World {
    /// The world of a run: commands run in `dir`, what they print is kept in `folder`, the run's own; lines for the
    /// screen go to `live`.
    pub fn new(plan: &Plan, vault: Vault, dir: &Path, folder: &Path, live: mpsc::Sender<Live>) -> Self {
        World {
            vault: Arc::new(vault),
            dir: dir.to_owned(),
            inherit: plan.runbook.inherit.clone(),
            grace: plan.runbook.grace,
            folder: folder.to_owned(),
            live,
            clients: http::Clients::default(),
            names: plan.nodes.iter().map(|n| n.id.clone()).collect(),
            places: source::Places::of(plan),
        }
    }

    /// Does what is wanted, until it is done or asked to stop.
    pub async fn perform(self: Arc<Self>, id: EffectId, effect: Effect, stop: Stopper) -> Done {
        match effect {
            Effect::Lock(_) => Done::Cancelled,
            Effect::Action(action) => self.action(id, &action, stop).await,
            Effect::Fact(fact) => self.fact(id, &fact, stop).await,
            Effect::Look(looks) => self.look(id, &looks, stop).await,
            Effect::Sample(metric) => self.sample(id, &metric, stop).await,
            Effect::Baseline(metric, ago) => self.baseline(&metric, ago, stop).await,
            Effect::Message(message) => Done::Message(self.send(&message, stop).await),
            Effect::Impossible(why) => impossible(id, why),
        }
    }

    async fn action(&self, id: EffectId, action: &Action, stop: Stopper) -> Done {
        let outcome = match self.run(id, action, &[], stop).await {
            Ran::Cancelled => return Done::Cancelled,
            Ran::Failed(failure) => {
                return Done::Action(ActionResult {
                    failure: Some(failure),
                    note: String::new(),
                    captures: Vec::new(),
                });
            }
            Ran::Through(outcome) => outcome,
        };
        let note = outcome.note();
        let failure = self.unexpected(action, &outcome);
        let captures = match &failure {
            Some(_) => Ok(Vec::new()),
            None => self.captures(&action.captures, &outcome),
        };
        Done::Action(match captures {
            Ok(captures) => ActionResult { failure, note, captures },
            Err(failure) => ActionResult { failure: Some(failure), note, captures: Vec::new() },
        })
    }

    async fn fact(&self, id: EffectId, fact: &Fact, stop: Stopper) -> Done {
        let ran = self.run_within(id, &fact.action, &[], stop).await;
        let outcome = match ran {
            Ran::Cancelled => return Done::Cancelled,
            Ran::Failed(failure) => return Done::Fact(Err(failure.text)),
            Ran::Through(outcome) => outcome,
        };
        if let Some(failure) = self.unexpected(&fact.action, &outcome) {
            return Done::Fact(Err(failure.text));
        }
        let text = outcome.main().trim();
        let masked = self.vault.mask().text(text);
        if masked != text {
            return Done::Fact(Err(format!("there is a secret in what it printed: `{}`", short(&masked))));
        }
        let ty = Type::from_name(&fact.ty).unwrap_or(Type::Text);
        Done::Fact(ty.read(text).map_err(|why| format!("it printed `{}`: {why}", short(text))))
    }

    /// Does the one thing an action is about, with what its gate captured before.
    async fn run(&self, id: EffectId, action: &Action, captured: &[(String, Value)], stop: Stopper) -> Ran {
        match &action.kind {
            ActionKind::Command(command) => {
                self.command(id, command, captured, Hidden::of(&action.captures), stop).await
            }
            ActionKind::Request(request) => self.request(request, captured, stop).await,
            ActionKind::Query(query) => self.ask_now(query, stop).await,
            ActionKind::Notify(_) | ActionKind::Gate(_) | ActionKind::Hold(_) | ActionKind::Ask(_) => {
                Ran::Failed(Failure::new(FailureSort::Error, "this is not something that the world does"))
            }
        }
    }

    /// As [`World::run`], with a limit of its own: the engine does not watch facts, looks and samples one by one.
    async fn run_within(&self, id: EffectId, action: &Action, captured: &[(String, Value)], stop: Stopper) -> Ran {
        let query = matches!(action.kind, ActionKind::Query(_));
        // A source keeps its own time: who waits for their turn has not been refused an answer.
        let Some(limit) = action.within.filter(|_| !query) else { return self.run(id, action, captured, stop).await };
        let timeout = std::time::Duration::try_from(limit).unwrap_or_default();
        let (inner, inner_stop) = watch::channel(Stop::No);
        let mut outer = stop;
        let run = self.run(id, action, captured, inner_stop);
        tokio::pin!(run);
        let timeout = tokio::time::sleep(timeout);
        tokio::pin!(timeout);
        let mut late = false;
        loop {
            tokio::select! {
                ran = &mut run => return match ran {
                    Ran::Cancelled if late => Ran::Failed(Failure::new(
                        FailureSort::TimedOut,
                        format!("it did not end within {}", duration_text(limit)),
                    )),
                    other => other,
                },
                () = &mut timeout, if !late => {
                    late = true;
                    inner.send_replace(Stop::Gently);
                }
                changed = outer.changed() => {
                    let wish = *outer.borrow_and_update();
                    inner.send_replace(wish);
                    if changed.is_err() {
                        inner.send_replace(Stop::Now);
                    }
                }
            }
        }
    }

    /// What did not come as expected.
    fn unexpected(&self, action: &Action, outcome: &Outcome) -> Option<Failure> {
        let speaks_of = |word: &str| {
            let is = |r: &&crate::value::Ref| r.kind == crate::value::RefKind::Output && r.name == word;
            action.expects.iter().any(|c| c.expr.refs().iter().any(&is))
        };
        let normal = match outcome {
            Outcome::Command(command) if !speaks_of("exit") => command.normal(),
            Outcome::Answer(answer) if !speaks_of("status") => answer.normal(),
            _ => Ok(()),
        };
        let failed = |text: String| {
            let tail = outcome.tail();
            Some(Failure { sort: FailureSort::Failed, text: self.vault.mask().text(&text), tail })
        };
        if let Err(why) = normal {
            return failed(why);
        }
        let scope = ResultScope { outcome, vault: &self.vault, captured: &[] };
        for check in &action.expects {
            match evaluate(&check.expr, &scope) {
                Ok(Value::Bool(true)) => {}
                Ok(_) => return failed(format!("`{}` is not so: {}", check.text, scope.values(&check.expr))),
                Err(error) => return failed(format!("`{}` cannot be worked out: {error}", check.text)),
            }
        }
        None
    }

    fn captures(&self, captures: &[Capture], outcome: &Outcome) -> Result<Vec<Captured>, Failure> {
        let mut kept = Vec::new();
        for capture in captures {
            let value = self.captured(capture, outcome, &[])?;
            let name = capture.name.clone();
            kept.push(match capture.secret {
                true => {
                    self.vault.keep(&name, &value.to_string());
                    Captured { name, value: None }
                }
                false => Captured { name, value: Some(value) },
            });
        }
        Ok(kept)
    }

    /// A value that is kept. What is not secret has no secret in it.
    fn captured(&self, capture: &Capture, outcome: &Outcome, before: &[(String, Value)]) -> Result<Value, Failure> {
        let scope = ResultScope { outcome, vault: &self.vault, captured: before };
        let short_name = capture.name.rsplit('.').next().unwrap_or_default();
        let what = match short_name.strip_prefix('@') {
            Some(subject) => format!("what holds of `{subject}` could not be read"),
            None => format!("`{short_name}` could not be captured"),
        };
        let fail = |why: String| Failure {
            sort: FailureSort::Failed,
            text: self.vault.mask().text(&format!("{what}: {why}")),
            tail: outcome.tail(),
        };
        let value = match evaluate(&capture.expr, &scope) {
            Ok(Value::None) => return Err(fail("there is no such value in it".into())),
            Ok(value) if !capture.secret && self.vault.mask().text(&value.to_string()) != value.to_string() => {
                return Err(fail(format!("there is a secret in it; write `capture {short_name}: secret`")));
            }
            Ok(value) => value,
            Err(EvalError::Later) => return Err(fail("it is not known here".into())),
            Err(EvalError::Failed(why)) => return Err(fail(why)),
        };
        match capture.ty.as_deref().and_then(Type::from_name) {
            // With a type the text must be a literal of it.
            Some(ty) if !ty.accepts(&Type::of(&value)) || matches!(value, Value::Text(_)) => ty
                .read(value.to_string().trim())
                .map_err(|why| fail(format!("`{}` is {why}", short(&value.to_string())))),
            _ => Ok(value),
        }
    }
}

/// What came of doing something.
enum Ran {
    /// It came to an end by itself.
    Through(Outcome),
    /// It could not be done.
    Failed(Failure),
    /// It was stopped.
    Cancelled,
}

pub(crate) fn impossible(id: EffectId, why: String) -> Done {
    match id {
        EffectId::Action(slot) => {
            let what = if slot.part == Part::Undo { "the undo cannot be run" } else { "it cannot be run" };
            let failure = Failure::new(FailureSort::Error, format!("{what}: {why}"));
            Done::Action(ActionResult { failure: Some(failure), note: String::new(), captures: Vec::new() })
        }
        EffectId::Look(..) => Done::Look(vec![crate::engine::Checked {
            text: "the gate's commands and requests".into(),
            truth: crate::engine::Truth::Error,
            why,
        }]),
        EffectId::Sample(..) => Done::Sample(Err(crate::engine::SampleProblem::error(why)), String::new()),
        EffectId::Baseline(_) => Done::Baseline(Err(why)),
        EffectId::Fact(_) => Done::Fact(Err(why)),
        EffectId::Message(_) => Done::Message(Err(crate::engine::Unsent::refused(why))),
        EffectId::Lock => Done::Lock(Err(why)),
    }
}

/// A text for a message: one line, not too long.
fn short(text: &str) -> String {
    crate::paint::cut(&crate::source::one_line(text.trim()), 120)
}
