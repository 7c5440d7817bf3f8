//! A small chart for the terminal: a series, a threshold, and the moments at which something would have happened.

use jiff::Timestamp;

use crate::paint::Paint;

/// How many rows a chart has.
const ROWS: usize = 6;

/// What a chart shows.
pub(super) struct Chart<'a> {
    /// In order.
    pub(super) points: &'a [(Timestamp, f64)],
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// What it is held against.
    pub(super) threshold: Option<f64>,
    /// Whether more is worse: of several points in one column the worst is shown.
    pub(super) more_is_worse: bool,
    /// What is marked below.
    pub(super) marks: &'a [Timestamp],
    /// A number with its unit.
    pub(super) unit: &'a dyn Fn(f64) -> String,
}

impl Chart<'_> {
    /// The lines of the chart, as wide as this.
    pub(super) fn lines(&self, width: usize, paint: Paint) -> Vec<String> {
        let values = self.points.iter().map(|(_, value)| *value).chain(self.threshold);
        let most = values.clone().fold(0.0, f64::max);
        let least = values.fold(0.0, f64::min);
        let span = if most > least { most - least } else { 1.0 };
        let (top, bottom) = ((self.unit)(most), (self.unit)(least));
        let label = top.chars().count().max(bottom.chars().count());
        let columns = width.saturating_sub(label + 3).clamp(10, 160);
        let bins = self.bins(columns);
        let height = |value: f64| (value - least) / span * ROWS as f64;
        let line_row = self.threshold.map(|t| (height(t).ceil() as usize).clamp(1, ROWS));
        let mut lines = Vec::new();
        for row in (1..=ROWS).rev() {
            let text = match row {
                ROWS => top.clone(),
                1 => bottom.clone(),
                _ => String::new(),
            };
            let mut line = format!("{text:>label$} {}", if row == 1 || row == ROWS { "┤" } else { "│" });
            for bin in &bins {
                let cell = bin.map(|value| (value, height(value) - (row - 1) as f64)).filter(|(_, part)| *part > 0.0);
                match cell {
                    Some((value, part)) => {
                        let eighths = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
                        let sign = eighths[((part * 8.0).ceil() as usize).clamp(1, 8) - 1];
                        line.push_str(&if self.is_bad(value) { paint.bad(sign) } else { paint.dim(sign) });
                    }
                    // No data is told from nothing.
                    None if bin.is_none() && row == 1 => line.push_str(&paint.dim("?")),
                    None if line_row == Some(row) => line.push_str(&paint.dim("·")),
                    None if row == 1 => line.push_str(&paint.dim("▁")),
                    None => line.push(' '),
                }
            }
            lines.push(line.trim_end().to_owned());
        }
        let mut below: Vec<&str> = vec![" "; columns];
        for mark in self.marks {
            below[self.column(*mark, columns)] = "▲";
        }
        let below: String = below.concat();
        if !self.marks.is_empty() {
            lines.push(format!("{} {}", " ".repeat(label + 1), paint.bad(below.trim_end())));
        }
        lines
    }

    fn is_bad(&self, value: f64) -> bool {
        self.threshold.is_some_and(|t| if self.more_is_worse { value > t } else { value < t })
    }

    fn column(&self, at: Timestamp, columns: usize) -> usize {
        let whole = self.to.duration_since(self.from).as_secs_f64().max(1e-3);
        let part = at.duration_since(self.from).as_secs_f64() / whole;
        ((part * columns as f64) as usize).min(columns - 1)
    }

    fn bins(&self, columns: usize) -> Vec<Option<f64>> {
        let mut bins: Vec<Option<f64>> = vec![None; columns];
        for (at, value) in self.points {
            let bin = &mut bins[self.column(*at, columns)];
            let worse = bin.is_none_or(|old| if self.more_is_worse { *value > old } else { *value < old });
            if worse {
                *bin = Some(*value);
            }
        }
        bins
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn drawn(values: &[f64], threshold: f64, more_is_worse: bool, marks: &[i64]) -> String {
        let start = Timestamp::UNIX_EPOCH;
        let at = |i: i64| start + SignedDuration::from_secs(i);
        let points: Vec<_> =
            values.iter().enumerate().filter(|(_, v)| v.is_finite()).map(|(i, v)| (at(i as i64), *v)).collect();
        let marks: Vec<_> = marks.iter().map(|i| at(*i)).collect();
        let unit = |value: f64| format!("{value}%");
        let chart = Chart {
            points: &points,
            from: start,
            to: at(values.len() as i64),
            threshold: Some(threshold),
            more_is_worse,
            marks: &marks,
            unit: &unit,
        };
        chart.lines(values.len() + 6, Paint::plain(80)).join("\n")
    }

    #[test]
    fn a_chart_shows_the_worst_the_threshold_and_the_marks() {
        let nan = f64::NAN;
        let drawn = drawn(&[0.0, 1.0, 2.0, 6.0, 12.0, 9.0, 3.0, 0.0, nan, 1.0, 0.5, 0.0], 6.0, true, &[4, 11]);
        let expected = [
            "12% ┤    █",
            "    │    █▄",
            "    │    ██",
            "    │···███······",
            "    │   ███▄",
            " 0% ┤▁▄█████▁?▄▂▁",
            "         ▲      ▲",
        ];
        assert_eq!(drawn, expected.join("\n"));
    }
}
