//! JSON lines: one an event, versioned, with names where the events have numbers. For programs.

use std::io::Write;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::engine::{Event, EventKind, Run};
use crate::plan::Plan;

use super::Reporter;
use super::lines::stamp;

/// The version of a line's shape.
const VERSION: u32 = 1;

/// JSON lines on a stream.
pub struct Json<W> {
    out: W,
    seq: u64,
}

impl<W: Write> Json<W> {
    /// JSON lines on `out`.
    pub fn new(out: W) -> Self {
        Json { out, seq: 0 }
    }
}

impl<W: Write> Reporter for Json<W> {
    fn event(&mut self, plan: &Plan, run: &Run, event: &Event) -> std::io::Result<()> {
        let mut line = Map::new();
        line.insert("v".into(), VERSION.into());
        line.insert("seq".into(), self.seq.into());
        line.insert("run".into(), run.id.clone().into());
        line.insert("t".into(), stamp(plan, run, event.at).into());
        if let Ok(Value::Object(mut fields)) = serde_json::to_value(event) {
            // A plan is no line; `run --dry-run --save` and the journal have it.
            if matches!(event.kind, EventKind::PlanChanged { .. }) {
                ["plan", "nodes", "metrics", "comms"].iter().for_each(|key| drop(fields.remove(*key)));
            }
            name(plan, &mut fields);
            line.extend(fields);
        }
        self.seq += 1;
        serde_json::to_writer(&mut self.out, &Value::Object(line))?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }

    fn end(&mut self, _plan: &Plan, _run: &Run, _now: Timestamp) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// Puts the names of nodes, triggers, metrics and rollbacks where their numbers are.
fn name(plan: &Plan, fields: &mut Map<String, Value>) {
    for (key, value) in fields.iter_mut() {
        let named = value.as_u64().and_then(|n| {
            let n = usize::try_from(n).ok()?;
            match key.as_str() {
                "node" => plan.nodes.get(n).map(|n| n.id.clone()),
                "trigger" => plan.triggers.get(n).map(|t| t.id.clone()),
                "metric" => plan.metrics.get(n).map(|m| m.id.clone()),
                "rollback" => {
                    plan.rollbacks.get(n).map(|r| if r.id.is_empty() { "rollback".into() } else { r.id.clone() })
                }
                _ => None,
            }
        });
        match (named, value) {
            (Some(named), value) => *value = named.into(),
            (None, Value::Object(inner)) => name(plan, inner),
            (None, Value::Array(items)) => {
                for item in items {
                    if let Value::Object(inner) = item {
                        name(plan, inner);
                    } else if let Value::Array(pair) = item
                        && let Some(Value::Object(inner)) = pair.first_mut()
                    {
                        name(plan, inner);
                    }
                }
            }
            _ => {}
        }
    }
}
