//! Model + inputs → plan.
//!
//! Everything that is known is worked out: variables, lets, loops, parameters of gates. What only the run can know
//! stays as an expression. Values are seen here for the first time, so this may still find mistakes.

mod action;
mod calendar;
mod comms;
mod declare;
mod gate;
mod people;
mod react;
mod response;
mod scenario;
mod share;
mod source;
mod timeline;
mod values;
mod watched;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use crate::check::model::{Id, Model, Node, Typed, Undo};
use crate::diagnostic::{Code, Diagnostic, tidy};
use crate::source::{Place, Sources, Span};
use crate::value::{EvalError, Expr, Function, Ref, RefKind, Type, Value, duration_text, evaluate, fold};

use super::scenario::{Scenario, Staged};
use super::way_back::points;
use super::{Check, FORMAT, Plan};
pub use timeline::default_outcome;
use values::Known;

/// What comes from outside the file.
pub struct Inputs<'i> {
    /// Values of variables with where they came from; of one name the last counts.
    pub values: Vec<Given>,
    /// The files that match a pattern, sorted.
    pub files: &'i dyn Fn(&str) -> Result<Vec<String>, String>,
    /// The machine's time zone, for a runbook that names none.
    pub zone: String,
    /// T+0 is planned for then, whatever the file says.
    pub start: Option<jiff::Timestamp>,
}

/// A value of a variable.
#[derive(Clone)]
pub struct Given {
    /// The variable.
    pub name: String,
    /// Its value.
    pub value: GivenValue,
    /// Where it came from, for messages: `--var`, `vars.toml`, `RUNBOOK_VAR_VERSION`.
    pub origin: String,
    /// Whether a variable of this name must exist.
    pub strict: bool,
}

/// A value as it came.
#[derive(Clone)]
pub enum GivenValue {
    /// Text of a command line or an environment.
    Text(String),
    /// A value of a JSON or TOML file.
    Json(serde_json::Value),
    /// A value that it has had before.
    Known(Value),
}

/// Where the value of a variable comes from that nobody gave.
pub const DEFAULT_ORIGIN: &str = "default";

/// Why there is no plan.
#[derive(Debug, Default)]
pub struct PlanError {
    /// What is wrong with the inputs.
    pub usage: Vec<String>,
    /// What is wrong with the file.
    pub findings: Vec<Diagnostic>,
}

impl PlanError {
    fn is_empty(&self) -> bool {
        self.usage.is_empty() && self.findings.is_empty()
    }

    /// What was made, if nothing is wrong with it.
    fn or<T>(mut self, made: T) -> Result<T, PlanError> {
        self.findings = tidy(self.findings);
        if self.is_empty() { Ok(made) } else { Err(self) }
    }
}

/// Makes the plan of a model without errors.
///
/// # Errors
/// Says what is wrong with the inputs, or with what the file says once they are known.
pub fn plan(model: &Model, sources: &Sources, inputs: &Inputs<'_>) -> Result<Plan, PlanError> {
    if !model.not_run.is_empty() {
        return Err(PlanError { usage: Vec::new(), findings: model.not_run.clone() });
    }
    let mut lowering = Lowering::new(model, sources, inputs, false);
    let plan = lowering.plan();
    lowering.error.or(plan)
}

/// T+0 where nobody says when it is: a Tuesday morning.
pub const SOME_DAY: jiff::Timestamp = jiff::Timestamp::constant(1_767_693_600, 0);

/// Makes a plan that is only rehearsed, of a model without errors: what this version does not run yet stands in it as far as
/// virtual time needs it. With a scenario, its values are given to the variables, and it is worked out by the plan.
///
/// # Errors
/// As [`plan`].
pub fn staged(
    model: &Model,
    sources: &Sources,
    inputs: &Inputs<'_>,
    scenario: Option<usize>,
) -> Result<Staged, PlanError> {
    let scenario = scenario.and_then(|index| model.scenarios.get(index));
    let mut error = PlanError::default();
    let given = scenario.map(|s| scenario::variables(model, s, inputs, &mut error)).unwrap_or_default();
    // A release that is given its start later has it on some day: what matters is how far from it things are.
    let start = model.release.as_ref().and_then(|r| r.start.as_ref()).and_then(|start| match &start.expr {
        Expr::Ref(Ref { kind: RefKind::Var, name }) => {
            model.vars.iter().find(|var| var.id.text == *name && var.default.is_none())
        }
        _ => None,
    });
    let start = start.map(|var| Given {
        name: var.id.text.clone(),
        value: GivenValue::Known(Value::Instant(SOME_DAY)),
        origin: "rehearsal".into(),
        strict: false,
    });
    let values = start.into_iter().chain(inputs.values.iter().cloned()).chain(given).collect();
    let inputs = Inputs { values, files: inputs.files, zone: inputs.zone.clone(), start: inputs.start };
    let mut lowering = Lowering::new(model, sources, &inputs, true);
    lowering.error = error;
    let plan = lowering.plan();
    let scenario = match scenario.filter(|_| lowering.error.is_empty()) {
        Some(scenario) => lowering.scenario(scenario, &plan),
        None => Scenario::default(),
    };
    lowering.error.or(Staged { plan, scenario })
}

/// What is wrong for certain in a model of which not everything can be run yet: what a release says of its versions, and ways
/// back that take longer than they may: whatever else belongs
/// to them makes them only longer. Nothing where a point of no return may stand in what is left out: it would end them.
pub fn sure_findings(model: &Model, sources: &Sources, inputs: &Inputs<'_>) -> Vec<Diagnostic> {
    if model.phases.iter().any(|phase| has_hidden_line(&phase.nodes, false)) {
        return Vec::new();
    }
    let mut lowering = Lowering::new(model, sources, inputs, false);
    lowering.plan();
    let error = lowering.error;
    let known = error.usage.is_empty();
    let sure = [Code::WayBackTooLong, Code::KindMisfit];
    error.findings.into_iter().filter(|finding| known && sure.contains(&finding.code)).collect()
}

/// Whether an irreversible step stands side by side with others.
fn has_hidden_line(nodes: &[Node], hidden: bool) -> bool {
    nodes.iter().any(|node| match node {
        Node::Step(step) => hidden && matches!(step.undo, Undo::Irreversible(..)),
        other => has_hidden_line(other.inner(), hidden || matches!(other, Node::Parallel(..))),
    })
}

/// So many parts the value of a `let` may have that only the run can work out. It stands in the plan wherever it is used.
const MOST_PARTS: usize = 10_000;

struct Lowering<'m> {
    model: &'m Model,
    sources: &'m Sources,
    inputs: &'m Inputs<'m>,
    error: PlanError,
    zone: String,
    /// Variables, and words such as `release.version`.
    known: BTreeMap<(RefKindKey, String), Value>,
    lets: BTreeMap<String, Expr>,
    loops: Vec<(String, Value)>,
    params: Vec<(String, Expr)>,
    /// The step whose captures are meant by their bare names.
    owner: Option<String>,
    /// What the gate that is being made captures: these names are its own, others its step's.
    looking: Option<Vec<String>>,
    lane: super::Lane,
    /// A rollback is being made: what a failure means there is decided by its place.
    in_rollback: bool,
    /// What the failure of a node leads to that does not say, where that is not the affair of its phase.
    otherwise: Option<super::Outcome>,
    nodes: Vec<super::Node>,
    /// Messages that stand in the timeline and are sent beside it.
    beside: Vec<(&'m crate::check::model::Head, &'m crate::check::model::Notify)>,
    /// Which node has a name, and where it is written.
    ids: BTreeMap<String, Span>,
    shell: Vec<String>,
    /// Gates that holds look at throughout.
    watched: Vec<super::Metric>,
    /// The metrics whose baseline is their past.
    with_past: Vec<String>,
    /// It is only rehearsed: what this version does not run yet is there as far as virtual time needs it.
    rehearsed: bool,
}

/// The kinds of reference whose values are known to the plan.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum RefKindKey {
    Var,
    Word,
}

impl<'m> Lowering<'m> {
    fn new(model: &'m Model, sources: &'m Sources, inputs: &'m Inputs<'m>, rehearsed: bool) -> Self {
        Lowering {
            model,
            sources,
            inputs,
            error: PlanError::default(),
            zone: inputs.zone.clone(),
            known: BTreeMap::new(),
            lets: BTreeMap::new(),
            loops: Vec::new(),
            params: Vec::new(),
            owner: None,
            looking: None,
            lane: super::Lane::Live,
            in_rollback: false,
            otherwise: None,
            nodes: Vec::new(),
            beside: Vec::new(),
            ids: BTreeMap::new(),
            shell: Vec::new(),
            watched: Vec::new(),
            with_past: Vec::new(),
            rehearsed,
        }
    }

    fn plan(&mut self) -> Plan {
        // The zone first: times without one are read by it.
        if let Some(zone) = &self.model.runbook.timezone {
            self.zone = self.zone_name(zone);
        }
        let inputs = self.variables();
        let release = self.release();
        // Whatever is described may name a link.
        let links = self.links();
        let scope = self.scope();
        let runbook = self.runbook();
        self.shell = runbook.shell.clone();
        let sources = self.sources();
        let metrics = self.metrics(&sources);
        self.with_past = metrics.iter().filter(|m| m.past.is_some()).map(|m| m.id.clone()).collect();
        let mut plan = Plan {
            format: FORMAT,
            runbook,
            release,
            scope,
            risks: self.risks(),
            roles: self.roles(),
            links,
            inputs,
            secrets: self.secrets(),
            facts: self.facts(),
            channels: self.channels(),
            metrics,
            sources,
            blackouts: self.blackouts(),
            nodes: Vec::new(),
            phases: Vec::new(),
            severities: self.severities(),
            triggers: Vec::new(),
            rollbacks: Vec::new(),
            responses: Vec::new(),
            handlers: Vec::new(),
            comms: Vec::new(),
        };
        plan.phases = self.phases();
        plan.rollbacks = self.rollbacks();
        plan.responses = self.responses();
        plan.nodes = std::mem::take(&mut self.nodes);
        plan.triggers = self.triggers(&plan);
        plan.handlers = self.handlers();
        plan.comms = self.comms(&plan);
        (self.lane, self.in_rollback) = (super::Lane::Live, false);
        self.watch(&mut plan);
        self.uses_of_secrets(&mut plan);
        self.complete(&mut plan);
        self.ways_back_fit(&plan);
        plan
    }

    /// The way back from every point fits its `rto`. Where it is unknown how long it takes, that is not said here.
    fn ways_back_fit(&mut self, plan: &Plan) {
        for (i, rollback) in plan.rollbacks.iter().enumerate() {
            let written = self.model.rollbacks.iter().find(|r| r.id.text == rollback.id).and_then(|r| r.rto.as_ref());
            let (Some(rto), Some(written)) = (rollback.rto, written) else { continue };
            let known: Vec<_> = points(plan, i).into_iter().filter_map(|p| Some((p.node, p.longest?))).collect();
            let Some((point, _)) = known.iter().find(|(_, longest)| *longest > rto) else { continue };
            let longest = known.iter().map(|(_, longest)| *longest).max().unwrap_or(rto);
            let (needs, has) = (duration_text(longest), duration_text(rto));
            let finding =
                Diagnostic::new(Code::WayBackTooLong, written.span, format!("the way back takes up to {needs} and may take {has}"))
                    .label(format!("not enough from `{}` on", plan.node(*point).id))
                    .help("it takes the `takes`, else the limits, of the undos and of the rollback itself; `run --dry-run` shows it point by point");
            self.push(finding);
        }
    }

    fn push(&mut self, finding: Diagnostic) {
        self.error.findings.push(finding);
    }

    fn place(&self, span: Span) -> Place {
        self.sources.place(span)
    }

    fn zone_name(&mut self, zone: &Typed) -> String {
        let name = self.text(zone).unwrap_or_default();
        if TimeZone::get(&name).is_err() {
            let finding = Diagnostic::new(Code::BadLiteral, zone.span, format!("there is no time zone `{name}`"));
            self.push(finding.label("unknown zone").help("write an IANA name, such as `Europe/Berlin` or `UTC`"));
            return self.inputs.zone.clone();
        }
        name
    }

    /// An expression with everything in it that is known now.
    fn expr(&mut self, typed: &Typed) -> Expr {
        let expr = self.resolve(typed.expr.clone());
        let known = self.known_now();
        let folded = fold(expr, &known);
        // What follows from a mistake that was told is silent.
        let mut broken = false;
        folded.walk(&mut |e| broken |= matches!(e, Expr::Error));
        if broken && !self.error.findings.is_empty() {
            return Expr::Error;
        }
        if !matches!(folded, Expr::Value(_))
            && let Err(EvalError::Failed(why)) = evaluate(&folded, &known)
        {
            let text = self.sources.text(typed.span).to_owned();
            let finding = Diagnostic::new(Code::BadLiteral, typed.span, format!("`{text}` has no value: {why}"));
            self.push(finding.label("cannot be worked out"));
            return Expr::Error;
        }
        folded
    }

    fn known_now(&self) -> Known<'_> {
        Known { known: &self.known, loops: &self.loops, files: self.inputs.files }
    }

    /// Puts lets, parameters and the step's own captures in, and the runbook's zone where none is written.
    fn resolve(&mut self, expr: Expr) -> Expr {
        let zone = self.zone.clone();
        let (owner, looking) = (self.owner.clone(), self.looking.clone().unwrap_or_default());
        let (params, rehearsed) = (self.params.clone(), self.rehearsed);
        let mut lets: BTreeMap<String, Expr> = BTreeMap::new();
        for name in expr.names(RefKind::Let) {
            lets.insert(name.to_owned(), self.let_value(name));
        }
        let tz = TimeZone::get(&zone).unwrap_or(TimeZone::UTC);
        expr.map_inner(&mut |e| match e {
            Expr::Ref(Ref { kind: RefKind::Let, name }) => lets.get(&name).cloned().unwrap_or(Expr::Error),
            Expr::Ref(Ref { kind: RefKind::Param, name }) => {
                params.iter().rev().find(|(n, _)| *n == name).map_or(Expr::Error, |(_, value)| value.clone())
            }
            Expr::Ref(Ref { kind: RefKind::Capture, name }) => {
                let full = match (&owner, name.strip_prefix('.')) {
                    (Some(owner), Some(own)) if !looking.iter().any(|name| name == own) => format!("{owner}.{own}"),
                    _ => name,
                };
                Expr::Ref(Ref { kind: RefKind::Capture, name: full })
            }
            Expr::Value(Value::Local(local)) => match tz.to_ambiguous_timestamp(local).compatible() {
                Ok(instant) => Expr::Value(Value::Instant(instant)),
                Err(_) => Expr::Error,
            },
            Expr::Call(Function::FormatTime, mut arguments) if arguments.len() == 2 => {
                arguments.push(Expr::text(zone.clone()));
                Expr::Call(Function::FormatTime, arguments)
            }
            // What this version does not know yet: in a rehearsal it is as one would like it to be.
            Expr::Call(Function::LastRollback, _) if rehearsed => Expr::duration(SignedDuration::ZERO),
            Expr::Call(Function::Segment, mut arguments) if rehearsed => arguments.pop().unwrap_or(Expr::Error),
            Expr::Ref(Ref { kind: RefKind::Word, name })
                if rehearsed && matches!(name.as_str(), "plan.link" | "host.name" | "host.address") =>
            {
                Expr::text(format!("<{name}>"))
            }
            other => other,
        })
    }

    fn let_value(&mut self, name: &str) -> Expr {
        if let Some(value) = self.lets.get(name) {
            return value.clone();
        }
        if let Some(start) = self.inputs.start.filter(|_| self.is_start(RefKind::Let, name)) {
            return Expr::Value(Value::Instant(start));
        }
        let Some(found) = self.model.lets.iter().find(|l| l.id.text == name) else { return Expr::Error };
        // A let belongs to the file: it knows no loop and no step.
        let (loops, owner) = (std::mem::take(&mut self.loops), self.owner.take());
        let mut value = self.expr(&found.value);
        let mut parts = 0usize;
        value.walk(&mut |_| parts += 1);
        if parts > MOST_PARTS {
            let finding = Diagnostic::new(Code::BadLiteral, found.value.span, format!("`{name}` is too large"));
            self.push(finding.label(format!("more than {MOST_PARTS} parts")).help("let a command make such a value"));
            value = Expr::Error;
        }
        (self.loops, self.owner) = (loops, owner);
        self.lets.insert(name.to_owned(), value.clone());
        value
    }

    /// The value of something that must be known now.
    fn value(&mut self, typed: &Typed) -> Option<Value> {
        match self.expr(typed) {
            Expr::Value(value) => Some(value),
            Expr::Error => None,
            _ => {
                let finding = Diagnostic::new(Code::NotKnownHere, typed.span, "this is only known during the run");
                self.push(finding.label("must be known when the plan is made").help("use a `var` or a `let`"));
                None
            }
        }
    }

    fn text(&mut self, typed: &Typed) -> Option<String> {
        self.value(typed).map(|v| v.to_string())
    }

    fn optional_text(&mut self, typed: Option<&Typed>) -> Option<String> {
        typed.and_then(|t| self.text(t))
    }

    fn texts(&mut self, typed: Option<&Typed>) -> Vec<String> {
        match typed.and_then(|t| self.value(t)) {
            Some(Value::List(items)) => items.iter().map(Value::to_string).collect(),
            Some(one) => vec![one.to_string()],
            None => Vec::new(),
        }
    }

    fn duration(&mut self, typed: &Typed) -> Option<SignedDuration> {
        let value = self.value(typed)?;
        match value.as_duration() {
            Some(d) if d.is_negative() => {
                let finding = Diagnostic::new(Code::BadLiteral, typed.span, "a length of time is not negative");
                self.push(finding.label(value.to_string()));
                None
            }
            found => found,
        }
    }

    fn optional_duration(&mut self, typed: Option<&Typed>) -> Option<SignedDuration> {
        typed.and_then(|t| self.duration(t))
    }

    fn count(&mut self, typed: &Typed, least: i64) -> Option<u32> {
        match self.value(typed)? {
            Value::Int(n) if n >= least && n <= 10_000 => Some(n as u32),
            other => {
                let title = format!("a number from {least} to 10000 stands here, not {other}");
                self.push(Diagnostic::new(Code::BadLiteral, typed.span, title).label("out of range"));
                None
            }
        }
    }

    /// A condition with its own words.
    fn check(&mut self, typed: &Typed) -> Check {
        let expr = self.expr(typed);
        // Spans are numbered anew: a gate inside a gate brings its own.
        let mut next = 0;
        let expr = expr.map_inner(&mut |e| match e {
            Expr::Held { condition, span, .. } => {
                let id = next;
                next += 1;
                Expr::Held { id, condition, span }
            }
            other => other,
        });
        self.refuse_no_time(&expr, typed.span);
        self.refuse_no_past(&expr, typed.span);
        Check { text: condition_text(self.sources.text(typed.span)), expr, place: self.place(typed.span) }
    }

    /// What must be so for no time at all, or for less, is no condition over time.
    fn refuse_no_time(&mut self, expr: &Expr, span: Span) {
        let mut none = None;
        expr.walk(&mut |e| {
            if let Expr::Held { span: length, .. } = e
                && let Some(Value::Duration(length)) = length.known()
                && *length <= SignedDuration::ZERO
            {
                none = Some(*length);
            }
        });
        if let Some(length) = none {
            let title = format!("`for {}` is no length of time", duration_text(length));
            let finding = Diagnostic::new(Code::BadLiteral, span, title).label("must be more than nothing");
            self.push(
                finding.help("write how long it must be so, or leave the `for` out: then the first sample counts"),
            );
        }
    }

    /// A baseline from the past is read at the start of the live part: what comes before it cannot be held against it.
    fn refuse_no_past(&mut self, expr: &Expr, span: Span) {
        if self.lane != super::Lane::Prepare || self.in_rollback {
            return;
        }
        let names = expr.names(RefKind::Baseline);
        if let Some(name) = names.into_iter().find(|name| self.with_past.iter().any(|known| known == name)) {
            let title = format!("the baseline of `{name}` is not known in a prepare phase");
            let finding = Diagnostic::new(Code::NotKnownHere, span, title).label("before the live part");
            self.push(finding.help(
                "it is the past before the live part, and read at its start: hold the metric against a value here",
            ));
        }
    }

    /// A map whose keys are known, in order.
    fn entries(&mut self, typed: Option<&Typed>) -> Vec<(String, Expr)> {
        let Some(typed) = typed else { return Vec::new() };
        match self.expr(typed) {
            Expr::Map(entries) => entries,
            Expr::Value(Value::Map(map)) => map.into_iter().map(|(k, v)| (k, Expr::Value(v))).collect(),
            Expr::Error => Vec::new(),
            _ => {
                let finding = Diagnostic::new(
                    Code::NotKnownHere,
                    typed.span,
                    "the names in this map are only known during the run",
                );
                self.push(finding.label("must be known when the plan is made"));
                Vec::new()
            }
        }
    }

    fn title(&mut self, title: Option<&Typed>, otherwise: &str) -> String {
        match title {
            Some(typed) => match self.expr(typed) {
                Expr::Value(value) => value.to_string(),
                // What is only known during the run stands as it is written.
                _ => self.sources.text(typed.span).trim_matches('"').to_owned(),
            },
            None => otherwise.to_owned(),
        }
    }

    /// A name that no node has yet.
    fn take_id(&mut self, id: String, span: Span) -> String {
        if let Some(first) = self.ids.insert(id.clone(), span) {
            let finding = Diagnostic::new(Code::DuplicateName, span, format!("two nodes are named `{id}`"));
            self.push(
                finding.label("again").also(first, "first here").help("instances of a loop are named by their values"),
            );
        }
        id
    }

    fn known_type(&self, ty: &Type) -> Option<String> {
        match ty {
            Type::Any | Type::Error | Type::Text | Type::Record(_) => None,
            other => Some(other.to_string()),
        }
    }
}

/// A condition as it stands in the file, on one line.
fn condition_text(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a node is called that has no name.
fn or_keyword(id: &Id, keyword: &str) -> String {
    if id.text.is_empty() { keyword.to_owned() } else { id.text.clone() }
}
