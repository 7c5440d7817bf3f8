//! An attempt of a gate: its commands and requests, one after the other; what one captures is known to the next.

use crate::engine::{Checked, Done, EffectId, FailureSort, Truth};
use crate::plan::{Action, ActionKind, Check, Look};
use crate::value::{Value, evaluate};

use super::scope::{CommandOutcome, Outcome, ResultScope};
use super::{Ran, Stopper, World};

impl World {
    pub(super) async fn look(&self, id: EffectId, looks: &[Look], stop: Stopper) -> Done {
        let mut checks = Vec::new();
        let mut captured: Vec<(String, Value)> = Vec::new();
        for look in looks {
            let check = match look {
                Look::Action(action) => match self.look_at(id, action, &mut captured, stop.clone()).await {
                    Some(check) => check,
                    None => return Done::Cancelled,
                },
                Look::Expect(check) => self.judge(check, &captured),
                Look::Metric(_) => continue,
            };
            let passed = check.truth == Truth::True;
            checks.push(check);
            // What follows would only say the same again, or miss what was to be captured.
            if !passed {
                break;
            }
        }
        Done::Look(checks)
    }

    /// One command or request. For these a refused connection, a timeout and a non-zero exit are false, not errors.
    async fn look_at(
        &self,
        id: EffectId,
        action: &Action,
        captured: &mut Vec<(String, Value)>,
        stop: Stopper,
    ) -> Option<Checked> {
        let text = describe(action);
        let checked = |truth, why: String| Some(Checked { text: text.clone(), truth, why });
        // The limit of a look is the world's: the engine only knows the whole attempt.
        let ran = self.run_within(id, action, captured, stop).await;
        let outcome = match ran {
            Ran::Cancelled => return None,
            Ran::Failed(failure) => {
                let truth = if failure.sort == FailureSort::Error { Truth::Error } else { Truth::False };
                return checked(truth, failure.text);
            }
            Ran::Through(outcome) => outcome,
        };
        if let Some(failure) = self.unexpected(action, &outcome) {
            let tail = failure.tail.last().filter(|_| matches!(outcome, Outcome::Command(_)));
            let tail = tail.map(|line| format!(": {line}")).unwrap_or_default();
            return checked(Truth::False, format!("{}{tail}", failure.text));
        }
        for capture in &action.captures {
            match self.captured(capture, &outcome, captured) {
                Ok(value) => {
                    if capture.secret {
                        self.vault.mask().add(&value.to_string());
                    }
                    captured.push((capture.name.clone(), value));
                }
                Err(failure) => return checked(Truth::False, failure.text),
            }
        }
        checked(Truth::True, outcome.note())
    }

    /// A condition over what was captured.
    fn judge(&self, check: &Check, captured: &[(String, Value)]) -> Checked {
        let nothing = Outcome::Command(CommandOutcome {
            exit: None,
            signal: None,
            stdout: String::new(),
            stderr: String::new(),
            truncated: false,
            tail: Vec::new(),
        });
        let scope = ResultScope { outcome: &nothing, vault: &self.vault, captured };
        let (truth, why) = match evaluate(&check.expr, &scope) {
            Ok(Value::Bool(true)) => (Truth::True, String::new()),
            Ok(Value::Bool(false)) => (Truth::False, String::new()),
            Ok(_) => (Truth::NoData, "no data".into()),
            Err(error) => (Truth::Error, self.vault.mask().text(&error.to_string())),
        };
        Checked { text: check.text.clone(), truth, why }
    }
}

/// What is looked at, in words.
fn describe(action: &Action) -> String {
    match &action.kind {
        ActionKind::Command(command) => crate::plan::command_text(command),
        ActionKind::Request(request) => crate::plan::request_text(request),
        ActionKind::Query(_)
        | ActionKind::Notify(_)
        | ActionKind::Gate(_)
        | ActionKind::Hold(_)
        | ActionKind::Ask(_) => String::new(),
    }
}
