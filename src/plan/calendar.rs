//! When something may start: windows and blackouts.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::{Lane, NodeIx, Plan, moment};

/// A stretch of the week in which the nodes of a phase start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Its name.
    pub id: String,
    /// On these days; every day if there are none: `mon`, `tue`, …
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub days: Vec<String>,
    /// From then on; else from midnight.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<Time>,
    /// Until then, which is not in it; else until midnight. What is not after `from` is of the next day.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to: Option<Time>,
    /// In which zone.
    pub timezone: String,
}

/// A stretch in which nothing of a live phase starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blackout {
    /// Its name.
    pub id: String,
    /// Its title, or its name.
    pub title: String,
    /// From then on.
    pub from: Timestamp,
    /// Until then.
    pub to: Timestamp,
}

/// So many days are looked at: a window opens every week.
const DAYS: i32 = 16;

/// So many blackouts may follow each other.
const TURNS: usize = 200;

impl Window {
    /// The first moment from `at` on that lies in it.
    fn next(&self, at: Timestamp) -> Option<Timestamp> {
        let zone = moment::zone(&self.timezone);
        let today = at.to_zoned(zone.clone()).date();
        (-1..DAYS).find_map(|n| {
            let day = today.checked_add(n.days()).ok()?;
            let (open, close) = self.on(day, &zone)?;
            (close > at).then(|| open.max(at))
        })
    }

    /// When it opens and closes on a day; nothing if it does not.
    fn on(&self, day: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        let word = match day.weekday() {
            Weekday::Monday => "mon",
            Weekday::Tuesday => "tue",
            Weekday::Wednesday => "wed",
            Weekday::Thursday => "thu",
            Weekday::Friday => "fri",
            Weekday::Saturday => "sat",
            Weekday::Sunday => "sun",
        };
        if !self.days.is_empty() && !self.days.iter().any(|d| d == word) {
            return None;
        }
        let midnight = Time::midnight();
        let from = self.from.unwrap_or(midnight);
        let to = self.to.unwrap_or(midnight);
        let last = if to <= from { day.checked_add(1.day()).ok()? } else { day };
        let at = |day: Date, time: Time| day.to_datetime(time).to_zoned(zone.clone()).ok().map(|z| z.timestamp());
        Some((at(day, from)?, at(last, to)?))
    }
}

impl Plan {
    /// The windows in which a node starts: those of the nearest phase around it that has some.
    fn windows_of(&self, ix: NodeIx) -> &[Window] {
        let mut next = Some(ix);
        while let Some(ix) = next {
            let node = self.node(ix);
            if !node.windows.is_empty() {
                return &node.windows;
            }
            next = node.parent;
        }
        &[]
    }

    /// The names of its windows and blackouts.
    pub fn calendar(&self) -> impl Iterator<Item = &str> {
        let windows = self.nodes.iter().flat_map(|n| &n.windows).map(|w| w.id.as_str());
        windows.chain(self.blackouts.iter().map(|b| b.id.as_str()))
    }

    /// Why the first live phase cannot start at a moment at which it is to: a window that is closed, a blackout. Names what
    /// would have to be passed over.
    pub fn outside(&self, start: Timestamp, but_for: &dyn Fn(&str) -> bool) -> Option<(NodeIx, String, Vec<String>)> {
        let live = self.phases.iter().copied().filter(|ix| self.node(*ix).lane == Lane::Live);
        live.enumerate().find_map(|(i, ix)| {
            let at = self.node(ix).at.or((i == 0).then_some(jiff::SignedDuration::ZERO))?;
            let moment = start.checked_add(at).ok()?;
            let (open, why) = self.opening(ix, moment, but_for)?;
            let windows =
                self.windows_of(ix).iter().map(|w| &w.id).filter(|id| why.contains(&format!("window `{id}`")));
            let blackouts = self.blackouts.iter().map(|b| &b.id).filter(|id| why.contains(&format!("blackout `{id}`")));
            let zone = moment::zone(&self.runbook.timezone);
            let (from, to) = (moment::local_text(moment, &zone), moment::local_text(open, &zone));
            let names: Vec<String> = windows.chain(blackouts).cloned().collect();
            Some((
                ix,
                format!("{from} is not in {why}; it could start at {to}")
                    .replace("not in the end of the blackout", "in the blackout"),
                names,
            ))
        })
    }

    /// The first moment from `at` on at which a node may start, and what it waits for; nothing if it may start at once.
    /// Some windows and blackouts do not hold.
    pub fn opening(&self, ix: NodeIx, at: Timestamp, but_for: &dyn Fn(&str) -> bool) -> Option<(Timestamp, String)> {
        let live = self.node(ix).lane == Lane::Live;
        let windows = self.windows_of(ix);
        let windows = if windows.iter().any(|w| but_for(&w.id)) { &[] } else { windows };
        let (mut moment, mut why) = (at, Vec::new());
        for _ in 0..TURNS {
            if !windows.is_empty() {
                let open = windows.iter().filter_map(|w| Some((w.next(moment)?, w))).min_by_key(|(open, _)| *open);
                if let Some((open, window)) = open.filter(|(open, _)| *open > moment) {
                    moment = open;
                    why.push(format!("the window `{}`", window.id));
                }
            }
            let closed = self.blackouts.iter().find(|b| live && !but_for(&b.id) && b.from <= moment && moment < b.to);
            let Some(blackout) = closed else { break };
            moment = blackout.to;
            why.push(format!("the end of the blackout `{}`", blackout.id));
        }
        why.dedup();
        (moment > at).then(|| (moment, why.join(" and ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(days: &[&str], from: &str, to: &str) -> Window {
        Window {
            id: "w".into(),
            days: days.iter().map(|d| (*d).to_owned()).collect(),
            from: from.parse().ok(),
            to: to.parse().ok(),
            timezone: "America/New_York".into(),
        }
    }

    fn next(window: &Window, at: &str) -> String {
        window.next(at.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn a_window_opens_on_its_days_and_closes_at_its_end() {
        let mornings = window(&["mon", "tue"], "06:00", "12:00");
        // 2025-11-17 is a Monday; New York is five hours behind UTC then.
        assert_eq!(next(&mornings, "2025-11-17T10:59:59Z"), "2025-11-17T11:00:00Z");
        assert_eq!(next(&mornings, "2025-11-17T12:00:00Z"), "2025-11-17T12:00:00Z");
        assert_eq!(next(&mornings, "2025-11-17T17:00:00Z"), "2025-11-18T11:00:00Z");
        assert_eq!(next(&mornings, "2025-11-18T17:00:00Z"), "2025-11-24T11:00:00Z");
    }

    #[test]
    fn a_window_that_ends_before_it_begins_goes_over_midnight() {
        let nights = window(&["fri"], "22:00", "04:00");
        // Saturday, two in the morning, belongs to Friday's night.
        assert_eq!(next(&nights, "2025-11-22T07:00:00Z"), "2025-11-22T07:00:00Z");
        assert_eq!(next(&nights, "2025-11-22T09:00:00Z"), "2025-11-29T03:00:00Z");
    }

    #[test]
    fn the_clock_that_goes_back_moves_the_window_with_it() {
        let mornings = window(&[], "06:00", "12:00");
        assert_eq!(next(&mornings, "2025-11-01T20:00:00Z"), "2025-11-02T11:00:00Z");
        assert_eq!(next(&mornings, "2025-10-31T20:00:00Z"), "2025-11-01T10:00:00Z");
    }
}
