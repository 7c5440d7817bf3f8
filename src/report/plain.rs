//! Plain lines: one an event, with the time of day and the time relative to T+0. For logs and for pipes.

use std::io::Write;

use jiff::Timestamp;

use crate::engine::{Event, Run};
use crate::paint::{Paint, pad};
use crate::plan::{Plan, moment};
use crate::source::one_line;

use super::Reporter;
use super::lines::{stamp, words};
use super::repeats::Repeats;
use super::summary::summary;

/// Plain lines on a stream.
pub struct Plain<W> {
    out: W,
    paint: Paint,
    repeats: Repeats,
}

impl<W: Write> Plain<W> {
    /// Plain lines on `out`.
    pub fn new(out: W, paint: Paint) -> Self {
        Plain { out, paint, repeats: Repeats::default() }
    }
}

impl<W: Write> Reporter for Plain<W> {
    fn event(&mut self, plan: &Plan, run: &Run, event: &Event) -> std::io::Result<()> {
        if !self.repeats.is_news(event) {
            return Ok(());
        }
        let Some(line) = words(plan, run, event) else { return Ok(()) };
        let time = event.at.to_zoned(moment::zone(&plan.runbook.timezone)).strftime("%H:%M:%S");
        let stamp = pad(&stamp(plan, run, event.at), 8);
        let who = if line.who.is_empty() { String::new() } else { format!("{}  ", self.paint.name(&line.who)) };
        writeln!(
            self.out,
            "{} {stamp} {} {who}{}",
            self.paint.dim(time.to_string()),
            line.tone.sign(self.paint),
            line.text
        )?;
        for more in &line.more {
            writeln!(self.out, "{}| {more}", " ".repeat(20))?;
        }
        self.out.flush()
    }

    fn say(&mut self, text: &str) -> std::io::Result<()> {
        writeln!(self.out, "{}", one_line(text))?;
        self.out.flush()
    }

    fn end(&mut self, plan: &Plan, run: &Run, now: Timestamp) -> std::io::Result<()> {
        write!(self.out, "\n{}", summary(plan, run, now, self.paint))?;
        self.out.flush()
    }
}
