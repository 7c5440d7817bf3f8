//! Scenarios: their values are worked out like those of the plan, and what they name is one of its nodes.

use jiff::SignedDuration;

use crate::check::model::{self, Deed as ModelDeed, Expectation as ModelExpectation, Given as ModelGiven, Line};
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::plan::scenario::{Deed, Expectation, Expected, Fault, Faulty, Given, Happening, Scenario};
use crate::plan::{NodeIx, Plan};
use crate::source::Span;
use crate::value::{Value, evaluate};

use super::values::Known;
use super::{Given as Input, GivenValue, Inputs, Lowering, PlanError};

/// The values that a scenario gives to variables. They come before everything else: the plan is made with them.
pub(super) fn variables(
    model: &model::Model,
    scenario: &model::Scenario,
    inputs: &Inputs<'_>,
    error: &mut PlanError,
) -> Vec<Input> {
    let mut found = Vec::new();
    for line in &scenario.givens {
        let ModelGiven::Value { subject, value } = &line.what else { continue };
        if !model.vars.iter().any(|var| var.id.text == *subject) {
            continue;
        }
        let known = Known { known: &Default::default(), loops: &[], files: inputs.files };
        match evaluate(&value.expr, &known) {
            Ok(known) => found.push(Input {
                name: subject.clone(),
                value: GivenValue::Known(known),
                origin: format!("scenario {}", scenario.id.text),
                strict: false,
            }),
            Err(_) => {
                let title = format!("what is given to the variable `{subject}` depends on other things");
                let finding = Diagnostic::new(Code::NotKnownHere, value.span, title).label("not a plain value");
                error.findings.push(finding.help("write the value itself: the plan is made with it"));
            }
        }
    }
    found
}

impl Lowering<'_> {
    pub(super) fn scenario(&mut self, scenario: &model::Scenario, plan: &Plan) -> Scenario {
        let mut made = Scenario {
            id: scenario.id.text.clone(),
            title: self.title(scenario.title.as_ref(), &scenario.id.text),
            span: scenario.id.span,
            ..Scenario::default()
        };
        for line in &scenario.givens {
            match &line.what {
                ModelGiven::Starts(at) => made.starts = self.offset(at),
                _ => made.given.extend(self.given_in(line, plan)),
            }
        }
        for line in &scenario.happenings {
            let deed = self.deed(&line.what.deed, line.span, plan);
            if let (Some(at), Some(deed)) = (self.offset(&line.what.at), deed) {
                made.happenings.push(Happening { at, deed, span: line.span });
            }
        }
        for line in &scenario.expectations {
            let what = self.expectation(line, plan);
            made.expected.extend(what.map(|what| Expected { what, span: line.span }));
        }
        made
    }

    fn given_in(&mut self, line: &Line<ModelGiven>, plan: &Plan) -> Option<Given> {
        match &line.what {
            ModelGiven::Value { subject, value } => {
                if self.model.vars.iter().any(|var| var.id.text == *subject) {
                    return None;
                }
                let value = self.given_value(value)?;
                if plan.metric(subject).is_some() {
                    let values = vec![(value, 1)];
                    return Some(Given::Metric { id: subject.clone(), every: SignedDuration::from_secs(1), values });
                }
                Some(Given::Value { name: subject.clone(), value })
            }
            ModelGiven::Series { metric, every, values } => {
                let every = self.duration(every)?;
                if every.is_zero() {
                    let finding = Diagnostic::new(Code::BadLiteral, line.span, "a series takes some time");
                    self.push(finding.label("every 0s").help("write how far apart its values are: `every 1m`"));
                    return None;
                }
                let values = values.iter().filter_map(|(value, times)| Some((self.given_value(value)?, *times)));
                Some(Given::Metric { id: metric.clone(), every, values: values.collect() })
            }
            ModelGiven::Fault { what, id, fault } => {
                let is_node = matches!(what, Faulty::Step | Faulty::Undo);
                if is_node && self.nodes_named(id, line.span, plan).is_empty() {
                    return None;
                }
                let fault = match fault {
                    model::Fault::Fails(times) => match times {
                        Some(times) => Fault::Fails(Some(self.count(times, 1)?)),
                        None => Fault::Fails(None),
                    },
                    model::Fault::Hangs => Fault::Hangs,
                    model::Fault::Takes(length) => Fault::Takes(self.duration(length)?),
                    model::Fault::Inconclusive => Fault::Inconclusive,
                    model::Fault::Error => Fault::Error,
                };
                Some(Given::Fault { of: *what, id: id.clone(), fault })
            }
            ModelGiven::Starts(_) => None,
        }
    }

    /// `none` is no data.
    fn given_value(&mut self, typed: &model::Typed) -> Option<Value> {
        match &typed.expr {
            crate::value::Expr::Value(Value::None) => Some(Value::None),
            _ => self.value(typed),
        }
    }

    fn deed(&mut self, deed: &ModelDeed, span: Span, plan: &Plan) -> Option<Deed> {
        Some(match deed {
            ModelDeed::Value { metric, value } => Deed::Metric { id: metric.clone(), value: self.given_value(value)? },
            ModelDeed::Gate { gate, passes } => {
                Deed::Gate { id: gate.clone(), passes: self.value(passes)? == Value::Bool(true) }
            }
            ModelDeed::Person { word, id, by, value } => {
                let free = matches!(word.as_str(), "fire" | "rollback");
                let trigger = |id: &&String| plan.triggers.iter().any(|trigger| trigger.id == **id);
                if let Some(id) = id.as_ref().filter(|id| !free && !trigger(id))
                    && self.nodes_named(id, span, plan).is_empty()
                {
                    return None;
                }
                let by = self.optional_text(by.as_ref());
                let value = match value {
                    Some(value) => Some(self.value(value)?),
                    None => None,
                };
                Deed::Person { word: word.clone(), id: id.clone(), by, value }
            }
            ModelDeed::Crash => Deed::Crash,
            ModelDeed::Abort => Deed::Abort,
        })
    }

    fn expectation(&mut self, line: &Line<ModelExpectation>, plan: &Plan) -> Option<Expectation> {
        let mut known = |id: &String| !self.nodes_named(id, line.span, plan).is_empty();
        Some(match &line.what {
            ModelExpectation::Ending { ending, before } => {
                let before = match before {
                    Some(before) => Some(self.offset(before)?),
                    None => None,
                };
                Expectation::Ending { ending: ending.clone(), before }
            }
            ModelExpectation::Undone(names) => {
                if !names.iter().all(&mut known) {
                    return None;
                }
                Expectation::Undone(names.clone())
            }
            ModelExpectation::Notified { channel, text } => {
                let text = match text {
                    Some((comparison, text)) => Some((*comparison, self.value(text)?)),
                    None => None,
                };
                Expectation::Notified { channel: channel.clone(), text }
            }
            ModelExpectation::NeverStarted(node) => {
                // With other values of variables it may not be there at all.
                Expectation::NeverStarted(node.clone())
            }
            ModelExpectation::Asked(role) => Expectation::Asked(role.clone()),
            ModelExpectation::StepStarted { step, at } => {
                if !known(step) {
                    return None;
                }
                Expectation::Started { node: step.clone(), at: self.offset(at)? }
            }
            ModelExpectation::Duration(comparison, length) => {
                Expectation::Duration(*comparison, self.duration(length)?)
            }
        })
    }

    /// The nodes of a name; that there is none is a mistake of the scenario, for it gives the variables.
    fn nodes_named(&mut self, id: &str, span: Span, plan: &Plan) -> Vec<NodeIx> {
        let found = plan.named(id);
        if found.is_empty() {
            let title = format!("the plan of this scenario has no node `{id}`");
            let close = did_you_mean(id, plan.nodes.iter().map(|n| n.id.as_str()));
            let help = close.map_or_else(
                || "with what it gives to the variables, this node is not there".to_owned(),
                |close| format!("did you mean `{close}`?"),
            );
            self.push(Diagnostic::new(Code::UnknownName, span, title).label("not in this plan").help(help));
        }
        found
    }
}
