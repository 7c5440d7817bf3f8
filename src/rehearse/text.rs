//! A backtest in words, with a chart for each trigger, and as JSON.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::engine::FailureSort;
use crate::paint::{Paint, columns, cut, pad};
use crate::plan::{MetricKind, Plan, Trigger, moment};
use crate::source::one_line;
use crate::value::{Comparison, Environment, Expr, Found, Ref, RefKind, Value, duration_text, evaluate};

use super::backtest::{Backtest, Episode, FORESIGHT, GateTest, Incident, Past, Tested};
use super::chart::Chart;
use super::tuning::Tuning;

/// So many times of one trigger, or of one gate, are listed.
const LISTED: usize = 12;

/// A backtest for people.
pub fn as_text(plan: &Plan, past: &Past, incidents: &[Incident], found: &Backtest, paint: Paint) -> String {
    let page = Page { plan, past, incidents, paint };
    let mut out = format!(
        "{}  {}\n{} to {} ({}), {}\n",
        paint.bold(format!("Backtest of {}", one_line(&plan.runbook.title))),
        one_line(&plan.runbook.file),
        page.moment(past.from),
        page.moment(past.to),
        duration_text(past.to.duration_since(past.from)),
        plan.runbook.timezone,
    );
    for tested in &found.triggers {
        out.push_str(&page.trigger(tested));
    }
    for gate in &found.gates {
        out.push_str(&page.gate(gate));
    }
    if !found.skipped.is_empty() {
        out.push_str(&format!("\n{}\n", paint.bold("Not tested")));
        for skipped in &found.skipped {
            let id = paint.name(one_line(&skipped.id));
            out.push_str(&format!("  {} {id}: {}\n", skipped.sort, one_line(&skipped.why)));
        }
    }
    out.push_str(&page.incidents(found));
    out
}

struct Page<'a> {
    plan: &'a Plan,
    past: &'a Past,
    incidents: &'a [Incident],
    paint: Paint,
}

impl Page<'_> {
    /// Two texts side by side, or below each other where it is too narrow for that; the second one good or bad.
    fn beside(&self, left: &str, right: &str, good: bool) -> String {
        let painted = if good { self.paint.good(right) } else { self.paint.bad(right) };
        match right {
            "" => format!("{}\n", left.trim_end()),
            _ if columns(left) + 2 + columns(right) <= self.paint.width => format!("{left}  {painted}\n"),
            _ => format!("{}\n        {painted}\n", left.trim_end()),
        }
    }

    fn moment(&self, at: Timestamp) -> String {
        at.to_zoned(moment::zone(&self.plan.runbook.timezone)).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    fn trigger(&self, tested: &Tested) -> String {
        let trigger = &self.plan.triggers[tested.trigger];
        let paint = self.paint;
        let title = if trigger.title == trigger.id { String::new() } else { format!("  {}", one_line(&trigger.title)) };
        let mut out = format!("\n{}{title}\n", paint.name(one_line(&trigger.id)));
        if let Some(when) = &trigger.when {
            out.push_str(&format!("  when    {}  ({})\n", one_line(&when.text), when.place));
        }
        out.push_str(&format!("  fired   {}\n", self.counted(tested)));
        for (i, episode) in tested.fired.iter().take(LISTED).enumerate() {
            let lasted = match episode.until {
                Some(until) => format!("for {}", duration_text(whole(until.duration_since(episode.at)))),
                None => "to the end".to_owned(),
            };
            let sort = match (self.incidents.is_empty(), episode.incident) {
                (true, _) => String::new(),
                (false, None) => "false alarm".to_owned(),
                (false, Some(i)) => self.lead(episode, i),
            };
            let at = self.moment(episode.at);
            out.push_str(&self.beside(
                &format!("    {:>2}  {at}  {}", i + 1, pad(&lasted, 12)),
                &sort,
                episode.incident.is_some(),
            ));
        }
        if tested.fired.len() > LISTED {
            out.push_str(&format!("        … and {} more\n", tested.fired.len() - LISTED));
        }
        for line in self.baselines(trigger) {
            out.push_str(&format!("  {line}\n"));
        }
        if let Some((at, longest)) = tested.near {
            let longest = duration_text(whole(longest));
            out.push_str(&format!("  nearest true for {longest} at {} without firing\n", self.moment(at)));
        }
        if let Some((at, why)) = tested.blind.first() {
            let times = times(tested.blind.len());
            out.push_str(&format!(
                "  blind   {times}, first told at {}: {}\n",
                self.moment(*at),
                cut(&one_line(why), 120)
            ));
        }
        for line in self.chart(trigger, tested) {
            out.push_str(&format!("    {line}\n"));
        }
        for line in tested.tuning.iter().flat_map(|tuning| self.tuning(tuning)) {
            out.push_str(&format!("    {line}\n"));
        }
        out
    }

    /// What the metrics of a trigger were before, where they are compared with that.
    fn baselines(&self, trigger: &Trigger) -> Vec<String> {
        let Some(condition) = trigger.condition() else { return Vec::new() };
        let of = |name: &str| {
            let index = self.plan.metrics.iter().position(|m| m.id == name)?;
            Some(match self.past.metrics.get(&(index as u32))?.baseline.as_ref()? {
                Ok((value, made_of)) => format!("before  {} {}, {made_of}", one_line(name), value.brief()),
                Err(why) => self.paint.bad(format!("before  no baseline of {}: {}", one_line(name), one_line(why))),
            })
        };
        condition.names(RefKind::Baseline).into_iter().filter_map(of).collect()
    }

    /// How often it would have fired otherwise; the row that is written is marked.
    fn tuning(&self, tuning: &Tuning) -> Vec<String> {
        let what = if self.incidents.is_empty() { "how often with" } else { "how often (falsely) with" };
        let wide = tuning.rows.iter().map(|row| row.words.chars().count()).max().unwrap_or(0);
        let lead = wide.max(what.len());
        let span =
            |span: &Option<SignedDuration>| span.map_or("no `for`".to_owned(), |s| format!("for {}", duration_text(s)));
        let heads: String = tuning.spans.iter().map(|s| format!("  {:>12}", span(s))).collect();
        let mut lines = vec![self.paint.dim(format!("{what:<lead$}{heads}"))];
        for row in &tuning.rows {
            let cell = |(fired, wrong): &(usize, usize)| match (self.incidents.is_empty(), wrong) {
                (true, _) | (false, 0) => format!("{fired}"),
                (false, wrong) => format!("{fired} ({wrong})"),
            };
            let cells: String = row.cells.iter().map(|c| format!("  {:>12}", cell(c))).collect();
            let line = format!("{:<lead$}{cells}", one_line(&row.words));
            lines.push(if row.written { self.paint.bold(line) } else { line });
        }
        lines
    }

    fn counted(&self, tested: &Tested) -> String {
        if tested.fired.is_empty() {
            return "never".into();
        }
        let mut text = times(tested.fired.len());
        if !self.incidents.is_empty() {
            let false_ones = tested.fired.iter().filter(|e| e.incident.is_none()).count();
            let false_ones = match (false_ones, tested.fired.len()) {
                (0, _) => "never falsely".to_owned(),
                (n, all) if n == all => "falsely".to_owned(),
                (n, _) => format!("{n} of them falsely"),
            };
            let seen =
                (0..self.incidents.len()).filter(|i| tested.fired.iter().any(|e| e.incident == Some(*i))).count();
            text.push_str(&format!(", {false_ones}; it saw {seen} of {} incidents", self.incidents.len()));
        }
        text
    }

    /// How long before or after the beginning of an incident, and before its end.
    fn lead(&self, episode: &Episode, incident: usize) -> String {
        let incident = self.incidents[incident];
        let behind = episode.at.duration_since(incident.from);
        let left = duration_text(whole(incident.to.duration_since(episode.at)));
        let on_for = duration_text(whole(behind.abs()));
        match behind.is_negative() {
            true if behind.abs() > FORESIGHT => format!("on already, since {on_for} before the incident"),
            true => format!("{} before the incident", duration_text(whole(behind.abs()))),
            false => format!("{} after the incident began, {left} before it was over", duration_text(whole(behind))),
        }
    }

    fn chart(&self, trigger: &Trigger, tested: &Tested) -> Vec<String> {
        let Some(condition) = trigger.condition() else { return Vec::new() };
        let name = condition.watched().into_iter().find(|name| {
            self.plan.metrics.iter().any(|m| m.id == *name && m.gate().is_none() && m.kind != MetricKind::Switch)
        });
        let Some(index) = name.and_then(|name| self.plan.metrics.iter().position(|m| m.id == name)) else {
            return Vec::new();
        };
        let Some(replayed) = self.past.metrics.get(&(index as u32)) else { return Vec::new() };
        let metric = &self.plan.metrics[index];
        let points: Vec<(Timestamp, f64)> =
            replayed.points.iter().filter_map(|(at, value)| Some((*at, value.magnitude()?))).collect();
        let before = replayed.baseline.as_ref().and_then(|b| b.as_ref().ok()).map(|(value, _)| value);
        let floored = match (before, &metric.floor) {
            (Some(value), Some(floor)) if value.magnitude() < floor.magnitude() => Some(floor),
            (value, _) => value,
        };
        let held = threshold(condition, &metric.id, floored.or(metric.baseline.as_ref()));
        let marks: Vec<Timestamp> = tested.fired.iter().map(|e| e.at).collect();
        let example = replayed.points.first().map(|(_, value)| value.clone());
        let unit = |number: f64| with_unit(example.as_ref(), number);
        let chart = Chart {
            points: &points,
            from: self.past.from,
            to: self.past.to,
            threshold: held.map(|(_, value)| value),
            more_is_worse: held
                .is_none_or(|(comparison, _)| !matches!(comparison, Comparison::Less | Comparison::AtMost)),
            marks: &marks,
            unit: &unit,
        };
        if points.is_empty() {
            return vec![format!("{}: there was no data in all this time", one_line(&metric.id))];
        }
        let line = held.map(|(_, value)| format!(", · at {}", unit(value))).unwrap_or_default();
        let fired = if marks.is_empty() { "" } else { ", ▲ fired" };
        let caption = format!("{}, the worst of each column{line}{fired}", one_line(&metric.id));
        let mut lines = vec![self.paint.dim(caption)];
        lines.extend(chart.lines(self.paint.width.saturating_sub(6), self.paint));
        lines
    }

    fn gate(&self, gate: &GateTest) -> String {
        let count = |sort: FailureSort| gate.others.iter().filter(|(_, s, _)| *s == sort).count();
        let failed = count(FailureSort::Failed) + count(FailureSort::TimedOut);
        let unsure = gate.others.len() - failed;
        let all = gate.passed + gate.others.len();
        let mut out = format!("\n{}\n", self.paint.name(format!("gate {}", one_line(&gate.id))));
        out.push_str(&format!(
            "  begun   {}: {} would have passed, {failed} failed, {unsure} could not tell\n",
            times(all),
            gate.passed
        ));
        // One reason again and again is one line.
        let mut reasons: Vec<(&str, Timestamp, usize)> = Vec::new();
        for (at, _, why) in &gate.others {
            match reasons.iter_mut().find(|(known, ..)| known == why) {
                Some((.., count)) => *count += 1,
                None => reasons.push((why, *at, 1)),
            }
        }
        for (why, at, count) in reasons.iter().take(LISTED) {
            let first = if *count > 1 { format!("{count} times, first at ") } else { String::new() };
            out.push_str(&format!("        {first}{}  {}\n", self.moment(*at), cut(&one_line(why), 100)));
        }
        if reasons.len() > LISTED {
            out.push_str(&format!("        … and {} more\n", reasons.len() - LISTED));
        }
        out
    }

    fn incidents(&self, found: &Backtest) -> String {
        if self.incidents.is_empty() {
            return format!(
                "\n{}\n",
                self.paint.dim(
                    "Say what really went wrong, `--incident FROM/TO`, and false alarms are told from right ones."
                )
            );
        }
        let mut out = format!("\n{}\n", self.paint.bold("Incidents"));
        for (i, incident) in self.incidents.iter().enumerate() {
            let of = |tested: &&Tested| tested.fired.iter().find(|e| e.incident == Some(i)).map(|e| e.at);
            let first = found.triggers.iter().filter_map(|t| Some((of(&t)?, t))).min_by_key(|(at, _)| *at);
            let seen = match first {
                Some((_, tested)) => {
                    let id = one_line(&self.plan.triggers[tested.trigger].id);
                    let episode = tested.fired.iter().find(|e| e.incident == Some(i));
                    let lead = episode.map(|episode| self.lead(episode, i)).unwrap_or_default();
                    format!("first seen by `{id}`, {lead}")
                }
                None => "seen by no trigger".to_owned(),
            };
            let time = format!("  {} to {}", self.moment(incident.from), self.moment(incident.to));
            out.push_str(&self.beside(&time, &seen, first.is_some()));
        }
        out
    }
}

/// A backtest for programs.
pub fn as_json(plan: &Plan, past: &Past, incidents: &[Incident], found: &Backtest) -> serde_json::Value {
    let triggers = found.triggers.iter().map(|tested| {
        let trigger = &plan.triggers[tested.trigger];
        json!({
            "trigger": trigger.id,
            "when": trigger.when.as_ref().map(|when| &when.text),
            "fired": tested.fired.iter().map(|e| json!({
                "at": e.at, "until": e.until, "incident": e.incident, "reason": e.reason,
            })).collect::<Vec<_>>(),
            "nearest": tested.near.map(|(at, lasted)| json!({ "at": at, "seconds": lasted.as_secs_f64() })),
            "tuning": tested.tuning.as_ref().map(|tuning| tuning.rows.iter().map(|row| json!({
                "threshold": row.words,
                "by_span": tuning.spans.iter().zip(&row.cells).map(|(span, (fired, wrong))| json!({
                    "seconds": span.map(|s| s.as_secs_f64()), "fired": fired, "false": wrong,
                })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>()),
            "blind": tested.blind.iter().map(|(at, why)| json!({ "at": at, "why": why })).collect::<Vec<_>>(),
        })
    });
    let gates = found.gates.iter().map(|gate| {
        json!({
            "gate": gate.id,
            "passed": gate.passed,
            "others": gate.others.iter().map(|(at, sort, why)| json!({ "at": at, "sort": sort, "why": why })).collect::<Vec<_>>(),
        })
    });
    json!({
        "format": 1,
        "runbook": plan.runbook.id,
        "from": past.from,
        "to": past.to,
        "incidents": incidents.iter().map(|i| json!({ "from": i.from, "to": i.to })).collect::<Vec<_>>(),
        "triggers": triggers.collect::<Vec<_>>(),
        "gates": gates.collect::<Vec<_>>(),
        "not_tested": found.skipped.iter().map(|s| json!({ "sort": s.sort, "id": s.id, "why": s.why })).collect::<Vec<_>>(),
    })
}

fn times(n: usize) -> String {
    if n == 1 { "once".into() } else { format!("{n} times") }
}

fn whole(length: SignedDuration) -> SignedDuration {
    SignedDuration::from_secs(length.as_secs())
}

/// A number in the unit of another value.
fn with_unit(like: Option<&Value>, number: f64) -> String {
    let value = match like {
        Some(Value::Percent(_)) => Value::Percent(number),
        Some(Value::Duration(_)) => SignedDuration::try_from_secs_f64(number).map_or(Value::None, Value::Duration),
        Some(Value::Size(_)) => Value::Size(number),
        Some(Value::Rate(_)) => Value::Rate(number),
        _ => Value::Number(number),
    };
    value.brief()
}

/// What a metric is held against in a condition, if that is known.
fn threshold(condition: &Expr, metric: &str, baseline: Option<&Value>) -> Option<(Comparison, f64)> {
    let mut found = None;
    condition.walk(&mut |e| {
        if let (None, Expr::Compare(comparison, left, right)) = (found, e)
            && matches!(&**left, Expr::Ref(r) if r.kind == RefKind::Metric && r.name == metric)
        {
            let number = evaluate(right, &Before(baseline)).ok().and_then(|value| value.magnitude());
            found = number.map(|number| (*comparison, number));
        }
    });
    found
}

/// Where a baseline is looked up.
struct Before<'a>(Option<&'a Value>);

impl Environment for Before<'_> {
    fn look_up(&self, reference: &Ref) -> Found {
        match (reference.kind, self.0) {
            (RefKind::Baseline, Some(value)) => Found::Value(value.clone()),
            _ => Found::Later,
        }
    }
}
