//! What a trigger would have done with other thresholds and other lengths of `for`: evidence to tune it by.

use jiff::SignedDuration;

use crate::plan::Plan;
use crate::value::{Comparison, Expr, RefKind, Value};

use super::backtest::{Incident, Past, fired_of};

/// Thresholds, as parts of the one that is written.
const FACTORS: [f64; 5] = [0.5, 0.8, 1.0, 1.25, 2.0];

/// Lengths, as parts of the one that is written, in halves.
const HALVES: [i32; 3] = [1, 2, 4];

/// So many samples are replayed at most for one table.
const MOST: usize = 1_000_000;

/// How often a trigger would have fired, by threshold and by length.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuning {
    /// The lengths; nothing where the condition has none.
    pub spans: Vec<Option<SignedDuration>>,
    /// Each threshold.
    pub rows: Vec<Tuned>,
}

/// One threshold, and what it would have done.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuned {
    /// In words.
    pub words: String,
    /// It is the one that is written.
    pub written: bool,
    /// For each length, how often it would have fired and how often falsely.
    pub cells: Vec<(usize, usize)>,
}

/// The table of a trigger whose condition holds one metric against one threshold; nothing of another one, and nothing if it
/// would take too long.
pub(super) fn tuning(plan: &Plan, past: &Past, trigger: usize, incidents: &[Incident]) -> Option<Tuning> {
    let condition = plan.triggers[trigger].condition()?;
    let (mut compared, mut spans, mut others) = (0, Vec::new(), false);
    condition.walk(&mut |e| match e {
        Expr::Compare(comparison, left, right) => {
            compared += 1;
            let metric = matches!(&**left, Expr::Ref(r) if r.kind == RefKind::Metric);
            let ordered =
                !matches!(comparison, Comparison::Equal | Comparison::NotEqual | Comparison::In | Comparison::Matches);
            others |= !metric || !ordered || scaled(right, 1.0).is_none();
        }
        Expr::Held { span, .. } => spans.extend(span.known().and_then(Value::as_duration)),
        Expr::Logic(..) | Expr::Not(_) => others = true,
        _ => {}
    });
    let points: usize = past.metrics.values().map(|m| m.points.len()).max().unwrap_or(0);
    if compared != 1 || spans.len() > 1 || others || points * FACTORS.len() * HALVES.len() > MOST {
        return None;
    }
    let lengths: Vec<Option<SignedDuration>> = match spans.first() {
        Some(span) => HALVES.iter().map(|half| Some(*span * *half / 2)).collect(),
        None => vec![None],
    };
    let mut rows = Vec::new();
    for factor in FACTORS {
        let mut words = String::new();
        let mut cells = Vec::new();
        for length in &lengths {
            let changed = condition.clone().map_inner(&mut |e| match e {
                Expr::Compare(comparison, left, right) => {
                    let right = scaled(&right, factor).unwrap_or(*right);
                    words = format!("{} {right}", comparison.symbol());
                    Expr::Compare(comparison, left, Box::new(right))
                }
                Expr::Held { id, condition, span } => {
                    let span = length.map_or(span, |length| Box::new(Expr::Value(Value::Duration(length))));
                    Expr::Held { id, condition, span }
                }
                other => other,
            });
            let fired = fired_of(plan, past, trigger, changed, incidents);
            let false_ones = fired.iter().filter(|incident| incident.is_none()).count();
            cells.push((fired.len(), false_ones));
        }
        rows.push(Tuned { words, written: factor == 1.0, cells });
    }
    Some(Tuning { spans: lengths, rows })
}

/// A threshold, or a part of a baseline, times a factor; nothing if it is neither.
fn scaled(expr: &Expr, factor: f64) -> Option<Expr> {
    let short = |number: f64| {
        let digits = 10f64.powi(2 - number.abs().max(f64::MIN_POSITIVE).log10().floor() as i32);
        if number == 0.0 { 0.0 } else { (number * digits).round() / digits }
    };
    Some(match expr {
        Expr::Scale(by, baseline) => Expr::Scale(short(by * factor), baseline.clone()),
        Expr::Value(value) => Expr::Value(match value {
            Value::Percent(n) => Value::Percent(short(n * factor)),
            Value::Size(n) => Value::Size(short(n * factor)),
            Value::Rate(n) => Value::Rate(short(n * factor)),
            Value::Number(n) => Value::Number(short(n * factor)),
            Value::Int(n) => Value::Number(short(*n as f64 * factor)),
            Value::Duration(d) => {
                Value::Duration(SignedDuration::try_from_secs_f64(short(d.as_secs_f64() * factor)).ok()?)
            }
            _ => return None,
        }),
        _ => return None,
    })
}
