//! Gates with their parameters filled in, and holds.

use jiff::SignedDuration;

use crate::check::model::{self, GateRef, GateUse, Row, Typed};
use crate::diagnostic::{Code, Diagnostic};
use crate::plan::{FailAfter, Gate, Hold, HoldLength, Lane, Look, Outcome, People};
use crate::source::Span;
use crate::value::{Expr, Value};

use super::Lowering;

/// How often a gate makes an attempt that does not say.
pub(super) const EVERY: SignedDuration = SignedDuration::from_secs(10);

/// How long the run waits for a person when a gate of the live part can neither pass nor fail.
const INCONCLUSIVE_PAUSE: SignedDuration = SignedDuration::from_mins(15);

/// A hold fails after so many bad samples in a row that does not say.
pub(super) const HOLD_FAILS: FailAfter = FailAfter { times: 3, in_a_row: true };

/// Gates inside gates, at most.
const MAX_DEPTH: usize = 8;

/// The names of what a gate captures; what the gates inside it capture is added with them.
fn captured_by(gate: &model::Gate) -> Vec<String> {
    let mut names = Vec::new();
    for look in &gate.looks {
        match look {
            model::Look::Action(action) => names.extend(action.captures.iter().map(|c| c.id.text.clone())),
            model::Look::Gate(inner) => {
                if let GateRef::Inline(gate) = &inner.gate {
                    names.extend(captured_by(gate));
                }
            }
            model::Look::Expect(_) => {}
        }
    }
    names
}

impl<'m> Lowering<'m> {
    /// A gate where it is used.
    pub(super) fn gate(&mut self, used: &'m GateUse) -> Gate {
        let gate = match &used.gate {
            GateRef::Inline(gate) => gate.as_ref(),
            GateRef::Named(name) => match self.model.gates.iter().find(|g| g.id.text == *name) {
                Some(gate) => gate,
                None => return self.no_gate(),
            },
            GateRef::Error => return self.no_gate(),
        };
        let mut looks = Vec::new();
        self.looks(gate, &used.arguments, used.span, 0, &mut looks);
        let within = used.within.as_ref().or(gate.within.as_ref());
        let limit_outcome = within.and_then(|w| w.otherwise.as_ref()).map(|o| self.outcome(o));
        let on_failure = used.on_failure.as_ref().or(gate.on_failure.as_ref()).map(|o| self.outcome(o));
        let on_inconclusive = used.on_inconclusive.as_ref().or(gate.on_inconclusive.as_ref()).map(|o| self.outcome(o));
        let (pass_after, fail_after) = (
            used.pass_after.as_ref().or(gate.pass_after.as_ref()),
            used.fail_after.as_ref().or(gate.fail_after.as_ref()),
        );
        let fail_after = fail_after.and_then(|(times, row)| self.fail_after(times, *row));
        Gate {
            id: gate.id.text.clone(),
            title: self.title(gate.title.as_ref(), &gate.id.text),
            every: self.optional_duration(gate.every.as_ref()).unwrap_or(EVERY),
            within: within.and_then(|w| self.duration(&w.duration)),
            pass_after: pass_after.and_then(|n| self.count(n, 1)).unwrap_or(1),
            on_failure: on_failure.or(limit_outcome),
            on_inconclusive: on_inconclusive.unwrap_or_else(|| self.default_inconclusive()),
            patient: false,
            fail_after,
            looks,
        }
    }

    fn no_gate(&self) -> Gate {
        Gate {
            id: String::new(),
            title: String::new(),
            looks: Vec::new(),
            every: EVERY,
            within: None,
            pass_after: 1,
            fail_after: None,
            on_failure: None,
            on_inconclusive: Outcome::Stop,
            patient: false,
        }
    }

    /// The checks of a gate, those of the gates inside it among them.
    pub(super) fn looks(
        &mut self,
        gate: &'m model::Gate,
        given: &'m [(model::Id, Typed)],
        span: Span,
        depth: usize,
        looks: &mut Vec<Look>,
    ) {
        if depth >= MAX_DEPTH {
            let finding = Diagnostic::new(Code::Cycle, span, format!("the gate `{}` contains itself", gate.id.text));
            return self.push(finding.label("leads back to it"));
        }
        // Arguments are worked out where the gate is used, defaults where it is declared.
        let arguments: Vec<(String, Expr)> = gate
            .parameters
            .iter()
            .map(|(id, default)| {
                let given = given.iter().find(|(name, _)| name.text == id.text).map(|(_, value)| value);
                (id.text.clone(), self.expr(given.unwrap_or(default)))
            })
            .collect();
        let outer = std::mem::replace(&mut self.params, arguments);
        // What a gate captures is its own, and known to its own checks only.
        let before = self.looking.clone();
        self.looking.get_or_insert_default().extend(captured_by(gate));
        self.each_look(&gate.looks, depth, looks);
        self.looking = before;
        self.params = outer;
    }

    pub(super) fn each_look(&mut self, all: &'m [model::Look], depth: usize, looks: &mut Vec<Look>) {
        for look in all {
            match look {
                model::Look::Action(action) => {
                    let mut action = self.action(action);
                    action.changes = false;
                    looks.push(Look::Action(Box::new(action)));
                }
                model::Look::Expect(condition) => {
                    let check = self.check(condition);
                    looks.push(if check.expr.watches() { Look::Metric(check) } else { Look::Expect(check) });
                }
                model::Look::Gate(inner) => match &inner.gate {
                    GateRef::Inline(gate) => self.looks(gate, &inner.arguments, inner.span, depth + 1, looks),
                    GateRef::Named(name) => {
                        if let Some(gate) = self.model.gates.iter().find(|g| g.id.text == *name) {
                            self.looks(gate, &inner.arguments, inner.span, depth + 1, looks);
                        }
                    }
                    GateRef::Error => {}
                },
            }
        }
    }

    fn fail_after(&mut self, times: &'m Typed, row: Row) -> Option<FailAfter> {
        Some(FailAfter { times: self.count(times, 1)?, in_a_row: row == Row::InARow })
    }

    pub(super) fn hold(&mut self, hold: &'m model::Hold) -> Hold {
        let length = match &hold.length {
            Some(model::HoldLength::For(length)) => HoldLength::For(self.duration(length).unwrap_or_default()),
            Some(model::HoldLength::Until(moment)) => HoldLength::Until(self.offset(moment).unwrap_or_default()),
            None => HoldLength::For(SignedDuration::ZERO),
        };
        let checks = hold.looks.iter().filter_map(|look| match look {
            model::Look::Expect(condition) => Some(self.check(condition)),
            model::Look::Gate(used) => self.watched_use(used),
            model::Look::Action(_) => None,
        });
        Hold {
            checks: checks.collect(),
            every: self.optional_duration(hold.every.as_ref()),
            on_inconclusive: self.default_inconclusive(),
            fail_after: hold.fail_after.as_ref().and_then(|(n, row)| self.fail_after(n, *row)).unwrap_or(HOLD_FAILS),
            length,
        }
    }

    pub(super) fn offset(&mut self, typed: &Typed) -> Option<SignedDuration> {
        match self.value(typed)? {
            Value::Offset(offset) => Some(offset),
            other => {
                let title = format!("an offset stands here, not a {}", other.type_name());
                self.push(Diagnostic::new(Code::Mismatch, typed.span, title).label("no moment").help("write `T+5m`"));
                None
            }
        }
    }

    /// What happens when a gate or a hold can neither pass nor fail and its author did not say.
    fn default_inconclusive(&self) -> Outcome {
        if self.in_rollback {
            return Outcome::Ignore;
        }
        match self.lane {
            Lane::Prepare => Outcome::Stop,
            Lane::Live => Outcome::Pause {
                people: People::anybody(),
                within: INCONCLUSIVE_PAUSE,
                otherwise: Box::new(Outcome::Rollback(None)),
            },
            Lane::After => Outcome::Continue,
        }
    }
}
