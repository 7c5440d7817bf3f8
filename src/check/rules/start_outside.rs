//! A start that is written lies in its windows and in no blackout.
//!
//! The calendar is there so that nobody has to remember it: a release planned into a freeze is found when it is written.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::check::model::{Model, Node, Phase, PhaseKind, Typed, Window};
use crate::diagnostic::{Code, Diagnostic};
use crate::value::{Expr, Value};

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    let zone = zone_of(model.runbook.timezone.as_ref());
    let Some(written) = model.release.as_ref().and_then(|r| r.start.as_ref()) else { return };
    let Some(start) = instant(&written.expr, zone.as_ref()) else { return };
    for blackout in model.windows.iter().filter(|w| w.blackout) {
        if is_in_blackout(blackout, start, zone.as_ref()) == Some(true) {
            let name = title(blackout);
            let finding = Diagnostic::new(Code::StartOutside, written.span, format!("nothing starts then: {name}"))
                .label("in a blackout")
                .also(blackout.id.span, "the blackout");
            findings.push(finding.help("choose another start"));
        }
    }
    for (phase, after) in at_moments(model) {
        let Ok(moment) = start.checked_add(after) else { continue };
        let windows: Option<Vec<&Window>> =
            phase.windows.iter().map(|(name, _)| model.windows.iter().find(|w| w.id.text == *name)).collect();
        let Some(windows) = windows else { continue };
        let inside: Option<Vec<bool>> = windows.iter().map(|w| is_in_window(w, moment, zone.as_ref())).collect();
        if inside.is_some_and(|inside| !inside.contains(&true)) {
            let local = zone.as_ref().map_or_else(
                || moment.to_string(),
                |zone| moment.to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H:%M %Z").to_string(),
            );
            let (name, place) = &phase.windows[0];
            let title = format!("{local} lies outside the window `{name}`");
            let finding = Diagnostic::new(Code::StartOutside, written.span, title).label("nothing may start then");
            findings.push(
                finding
                    .also(*place, "starts in it")
                    .help("choose another start, or the window in which it is meant to be"),
            );
        }
    }
}

/// The live phases whose earliest moment is written: their own, that of the phase around them, or, of the first one, T+0.
fn at_moments(model: &Model) -> Vec<(&Phase, SignedDuration)> {
    fn inside<'m>(phase: &'m Phase, around: Option<SignedDuration>, found: &mut Vec<(&'m Phase, SignedDuration)>) {
        let at = match phase.head.at.as_deref() {
            None => around,
            Some(Typed { expr: Expr::Value(Value::Offset(at)), .. }) => Some(*at),
            Some(_) => None,
        };
        if let (Some(at), false) = (at, phase.windows.is_empty()) {
            found.push((phase, at));
        }
        // Only the first thing in a phase begins with it.
        for (i, node) in phase.nodes.iter().enumerate() {
            if let Node::Phase(inner) = node {
                inside(inner, at.filter(|_| i == 0), found);
            }
        }
    }
    let mut found = Vec::new();
    let live = model.phases.iter().filter(|p| p.kind == PhaseKind::Live);
    for (i, phase) in live.enumerate() {
        inside(phase, (i == 0).then_some(SignedDuration::ZERO), &mut found);
    }
    found
}

fn title(window: &Window) -> String {
    match window.title.as_ref().map(|t| &t.expr) {
        Some(Expr::Value(title)) => format!("{title} (`{}`)", window.id.text),
        _ => format!("the blackout `{}`", window.id.text),
    }
}

fn zone_of(zone: Option<&Typed>) -> Option<TimeZone> {
    match &zone?.expr {
        Expr::Value(name) => TimeZone::get(&name.to_string()).ok(),
        _ => None,
    }
}

fn instant(value: &Expr, zone: Option<&TimeZone>) -> Option<Timestamp> {
    match value {
        Expr::Value(Value::Instant(instant)) => Some(*instant),
        Expr::Value(Value::Local(local)) => zone?.to_ambiguous_timestamp(*local).compatible().ok(),
        _ => None,
    }
}

/// Nothing where that is only known later.
fn is_in_blackout(blackout: &Window, moment: Timestamp, zone: Option<&TimeZone>) -> Option<bool> {
    let own = zone_of(blackout.timezone.as_ref());
    let zone = own.as_ref().or(zone);
    let midnight = |date: Date| zone?.to_ambiguous_timestamp(date.to_datetime(Time::midnight())).compatible().ok();
    let begins = match &blackout.from.as_ref()?.expr {
        Expr::Value(Value::Date(date)) => midnight(*date)?,
        other => instant(other, zone)?,
    };
    let ends = match &blackout.to.as_ref()?.expr {
        // The day that is named is in it.
        Expr::Value(Value::Date(date)) => midnight(date.tomorrow().ok()?)?,
        other => instant(other, zone)?,
    };
    Some(begins <= moment && moment < ends)
}

/// Nothing where that is only known later.
fn is_in_window(window: &Window, moment: Timestamp, zone: Option<&TimeZone>) -> Option<bool> {
    let own = zone_of(window.timezone.as_ref());
    let local = moment.to_zoned(own.as_ref().or(zone)?.clone());
    let time = |typed: &Option<Typed>| match typed.as_ref()?.expr {
        Expr::Value(Value::Time(time)) => Some(time),
        _ => None,
    };
    let (from, to) = (time(&window.from)?, time(&window.to)?);
    let allowed = |day: Weekday| -> Option<bool> {
        let Some(days) = &window.days else { return Some(true) };
        let words = days.expr.known_list()?;
        Some(words.iter().any(|word| word.to_string() == short(day)))
    };
    let now = local.time();
    if from < to {
        return Some(from <= now && now < to && allowed(local.weekday())?);
    }
    // Over midnight: in the small hours it is the window of the day before.
    let late = now >= from && allowed(local.weekday())?;
    let early = now < to && allowed(local.weekday().previous())?;
    Some(late || early)
}

fn short(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "mon",
        Weekday::Tuesday => "tue",
        Weekday::Wednesday => "wed",
        Weekday::Thursday => "thu",
        Weekday::Friday => "fri",
        Weekday::Saturday => "sat",
        Weekday::Sunday => "sun",
    }
}
