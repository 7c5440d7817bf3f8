//! Variables, and what is known when the plan is made.

use std::collections::BTreeMap;

use crate::check::model::Var;
use crate::diagnostic::did_you_mean;
use crate::plan::Input;
use crate::source::one_line;
use crate::value::{Environment, Expr, Found, Ref, RefKind, Type, Value};

use super::{GivenValue, Lowering, RefKindKey};

/// What is known when the plan is made.
pub(super) struct Known<'a> {
    pub(super) known: &'a BTreeMap<(RefKindKey, String), Value>,
    pub(super) loops: &'a [(String, Value)],
    pub(super) files: &'a dyn Fn(&str) -> Result<Vec<String>, String>,
}

impl Environment for Known<'_> {
    fn look_up(&self, reference: &Ref) -> Found {
        let key = match reference.kind {
            RefKind::Loop => {
                let found = self.loops.iter().rev().find(|(name, _)| *name == reference.name);
                return found.map_or(Found::Later, |(_, value)| Found::Value(value.clone()));
            }
            RefKind::Var => RefKindKey::Var,
            RefKind::Word => RefKindKey::Word,
            _ => return Found::Later,
        };
        match self.known.get(&(key, reference.name.clone())) {
            Some(value) => Found::Value(value.clone()),
            None => Found::Later,
        }
    }

    fn files(&self, pattern: &str) -> Option<Result<Vec<String>, String>> {
        Some((self.files)(pattern))
    }
}

impl<'m> Lowering<'m> {
    /// The value of every variable, or what is wrong with it.
    pub(super) fn variables(&mut self) -> Vec<Input> {
        self.refuse_unknown();
        let mut inputs = Vec::new();
        for var in &self.model.vars {
            if let Some(mut input) = self.variable(var) {
                if let Some(start) = self.inputs.start.filter(|_| self.is_start(RefKind::Var, &input.name)) {
                    (input.value, input.origin) = (Value::Instant(start), "--start".into());
                }
                self.known.insert((RefKindKey::Var, input.name.clone()), input.value.clone());
                inputs.push(input);
            }
        }
        inputs
    }

    /// Whether the start of the release is this name.
    pub(super) fn is_start(&self, kind: RefKind, name: &str) -> bool {
        let start = self.model.release.as_ref().and_then(|r| r.start.as_ref());
        start.is_some_and(|start| matches!(&start.expr, Expr::Ref(r) if r.kind == kind && r.name == name))
    }

    fn refuse_unknown(&mut self) {
        for given in self.inputs.values.iter().filter(|g| g.strict) {
            if self.model.vars.iter().any(|v| v.id.text == given.name) {
                continue;
            }
            let close = did_you_mean(&given.name, self.model.vars.iter().map(|v| v.id.text.as_str()));
            let names: Vec<_> = self.model.vars.iter().map(|v| format!("`{}`", v.id.text)).collect();
            let help = match (close, names.is_empty()) {
                (Some(close), _) => format!("did you mean `{close}`?"),
                (None, true) => "it has none".into(),
                (None, false) => format!("it has {}", names.join(", ")),
            };
            let name = one_line(&given.name);
            self.error.usage.push(format!("{}: this runbook has no variable `{name}`; {help}", given.origin));
        }
    }

    fn variable(&mut self, var: &'m Var) -> Option<Input> {
        let name = &var.id.text;
        let given = self.inputs.values.iter().rev().find(|g| g.name == *name);
        let (value, origin) = match given {
            Some(given) => {
                let read = match &given.value {
                    GivenValue::Text(text) => var.ty.read(text),
                    GivenValue::Json(json) => var.ty.from_json(json),
                    // Its type may have changed since.
                    GivenValue::Known(value) if var.ty.accepts(&Type::of(value)) => Ok(value.clone()),
                    GivenValue::Known(value) => var.ty.read(&value.to_string()),
                };
                let shown = match &given.value {
                    GivenValue::Text(text) => one_line(text),
                    GivenValue::Json(json) => one_line(&json.to_string()),
                    GivenValue::Known(value) => one_line(&value.to_string()),
                };
                match read {
                    Ok(value) => (value, given.origin.clone()),
                    Err(why) => {
                        let origin = &given.origin;
                        self.error
                            .usage
                            .push(format!("{origin}: the variable `{name}` is a {}, and `{shown}` is {why}", var.ty));
                        return None;
                    }
                }
            }
            None => match &var.default {
                Some(default) => (self.value(default)?, super::DEFAULT_ORIGIN.into()),
                None => {
                    let upper = name.to_uppercase();
                    let example = example(&var.ty);
                    self.error.usage.push(format!(
                        "the variable `{name}` has no value; give it one: --var {name}={example}, RUNBOOK_VAR_{upper}, or --var-file"
                    ));
                    return None;
                }
            },
        };
        let value = self.instant_of(value);
        self.one_of(var, &value, &origin).then(|| Input { name: name.clone(), value, origin })
    }

    fn one_of(&mut self, var: &'m Var, value: &Value, origin: &str) -> bool {
        let Some(one_of) = &var.one_of else { return true };
        let Some(Value::List(allowed)) = self.value(one_of) else { return true };
        if allowed.contains(value) {
            return true;
        }
        let words: Vec<_> = allowed.iter().map(|v| format!("`{v}`")).collect();
        let (name, shown) = (&var.id.text, one_line(&value.to_string()));
        self.error.usage.push(format!("{origin}: the variable `{name}` is one of {}, not `{shown}`", words.join(", ")));
        false
    }

    /// A time without a zone is one of the runbook's zone.
    pub(super) fn instant_of(&mut self, value: Value) -> Value {
        match self.resolve(Expr::Value(value)) {
            Expr::Value(value) => value,
            _ => Value::None,
        }
    }

    /// Makes a word of the vocabulary known.
    pub(super) fn learn(&mut self, word: &str, value: Option<Value>) {
        // What the release does not say is no data, and is shown as such.
        self.known.insert((RefKindKey::Word, word.to_owned()), value.unwrap_or(Value::None));
    }
}

fn example(ty: &Type) -> &'static str {
    match ty {
        Type::Semver => "1.2.0",
        Type::Int | Type::Count => "3",
        Type::Number => "0.5",
        Type::Bool => "true",
        Type::Duration => "5m",
        Type::Percent => "5%",
        Type::Url => "https://example.com",
        Type::Instant => "2025-11-18T10:00:00Z",
        _ => "VALUE",
    }
}
