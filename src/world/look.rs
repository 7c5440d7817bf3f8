//! An attempt of a gate: its commands and requests, side by side; what one captures is known to those behind it.

use futures_util::stream::{self, StreamExt};

use crate::engine::{Checked, Done, EffectId, FailureSort, Truth};
use crate::plan::{Action, ActionKind, Check, Look};
use crate::value::{RefKind, Value, evaluate};

use super::scope::{CommandOutcome, Outcome, ResultScope};
use super::{Ran, Stopper, World};

/// So many checks of an attempt run at once.
const AT_ONCE: usize = 8;

/// What a gate captured.
type Captured = Vec<(String, Value)>;

impl World {
    /// The checks run side by side. One that needs what another captured waits for it, and is left out if that one is not
    /// true: it would only say the same again, or miss what was to be captured.
    pub(super) async fn look(&self, id: EffectId, looks: &[Look], stop: Stopper) -> Done {
        let mut found: Vec<Option<(Checked, Captured)>> = vec![None; looks.len()];
        let mut open: Vec<usize> = (0..looks.len()).filter(|i| !matches!(looks[*i], Look::Metric(_))).collect();
        loop {
            let passed = |i: &usize| found[*i].as_ref().is_some_and(|(check, _)| check.truth == Truth::True);
            let (ready, later): (Vec<usize>, Vec<usize>) =
                open.into_iter().partition(|i| needs(looks, *i).iter().all(passed));
            if ready.is_empty() {
                break;
            }
            open = later;
            let before =
                |i: usize| found[..i].iter().flatten().flat_map(|(_, kept)| kept.clone()).collect::<Captured>();
            let looked = stream::iter(ready.into_iter().map(|i| (i, before(i))))
                .map(|(i, captured)| self.look_once(id, i, &looks[i], captured, stop.clone()))
                .buffer_unordered(AT_ONCE);
            for (i, outcome) in looked.collect::<Vec<_>>().await {
                match outcome {
                    Some(outcome) => found[i] = Some(outcome),
                    None => return Done::Cancelled,
                }
            }
        }
        Done::Look(found.into_iter().flatten().map(|(check, _)| check).collect())
    }

    async fn look_once(
        &self,
        id: EffectId,
        i: usize,
        look: &Look,
        mut captured: Captured,
        stop: Stopper,
    ) -> (usize, Option<(Checked, Captured)>) {
        let known = captured.len();
        let check = match look {
            Look::Action(action) => self.look_at(id, action, &mut captured, stop).await,
            Look::Expect(check) | Look::Metric(check) => Some(self.judge(check, &captured)),
        };
        (i, check.map(|check| (check, captured.split_off(known))))
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

/// The checks whose captures one of them needs: of a name, the nearest before it.
fn needs(looks: &[Look], i: usize) -> Vec<usize> {
    let exprs = match &looks[i] {
        Look::Action(action) => action.exprs(),
        Look::Expect(check) | Look::Metric(check) => vec![&check.expr],
    };
    let captures = |j: &usize, name: &str| match &looks[*j] {
        Look::Action(action) => action.captures.iter().any(|c| c.name == name),
        Look::Expect(_) | Look::Metric(_) => false,
    };
    let names = exprs.into_iter().flat_map(|e| e.names(RefKind::Capture));
    names.filter_map(|name| (0..i).rev().find(|j| captures(j, name))).collect()
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
