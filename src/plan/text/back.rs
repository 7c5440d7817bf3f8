//! The procedures of rollback, in the order in which they would run from the end of the live part.

use crate::plan::{Lane, NodeIx, NodeKind, way_back};
use crate::source::one_line;
use crate::value::duration_text;

use super::Printer;
use super::words::*;

/// A list of more points is for no eye; the way back from the end stands above it.
const MOST_POINTS: usize = 60;

impl Printer<'_> {
    pub(super) fn ways_back(&mut self) {
        let live: Vec<NodeIx> =
            self.plan.timeline().into_iter().filter(|ix| self.plan.node(*ix).lane == Lane::Live).collect();
        if live.is_empty() {
            return;
        }
        for (i, rollback) in self.plan.rollbacks.clone().iter().enumerate() {
            let name = if rollback.id.is_empty() { String::new() } else { format!(" `{}`", rollback.id) };
            self.heading(&format!("The way back{name} from the end of the live part: {}", one_line(&rollback.title)));
            let back = way_back(self.plan, i, &live);
            let mut position = 0;
            for ix in &rollback.nodes {
                match &self.plan.node(*ix).kind {
                    NodeKind::Undo { .. } => {
                        for undone in &back.undone {
                            position += 1;
                            self.undo_row(position, *undone);
                        }
                        if back.undone.is_empty() {
                            self.line("  ", "nothing is undone: no step of the live part has an undo");
                        }
                    }
                    _ => {
                        position += 1;
                        self.procedure_row(position, *ix);
                    }
                }
            }
            if let Some(line) = back.line {
                let node = self.plan.node(line);
                let why = node.work().and_then(|w| w.undo.why()).unwrap_or_default();
                self.line("  ── ", &format!("the point of no return: {}, {}", node.id, one_line(why)));
                self.line(
                    "     ",
                    "past it nothing is undone before a person says how far: the run is stuck until then",
                );
            }
            for beyond in &back.beyond {
                self.line("   -  ", &format!("stays: {}, before the point of no return", self.plan.node(*beyond).id));
            }
            for excused in &back.excused {
                let node = self.plan.node(*excused);
                if let Some(why) = node.work().and_then(|w| w.undo.why()) {
                    self.line("   -  ", &format!("not undone: {}, {}", node.id, one_line(why)));
                }
            }
            if let Some(after) = rollback.after {
                self.line("  ", "left to do when it has ended:");
                self.beside(after);
            }
            let rto = match (rollback.rto, back.longest) {
                (Some(rto), Some(longest)) if longest > rto => {
                    self.paint.warn(format!("; longer than its rto of {}", duration_text(rto)))
                }
                (Some(rto), Some(_)) => format!("; fits its rto of {}", duration_text(rto)),
                (Some(rto), None) => format!("; whether that fits its rto of {} is unknown", duration_text(rto)),
                (None, _) => String::new(),
            };
            let longest = match back.longest {
                Some(longest) => format!("at most {}", duration_text(longest)),
                None => "unknown, because not every part of it says how long it takes".into(),
            };
            self.line("  ", &format!("how long it takes: {longest}{rto}"));
            self.points(i);
        }
    }

    /// How the way back grows: from the moment at which each step has begun.
    fn points(&mut self, rollback: usize) {
        let points = way_back::points(self.plan, rollback);
        if points.len() < 2 || points.len() > MOST_POINTS {
            return;
        }
        self.line("  ", "point by point, from the moment at which a step has begun:");
        let widest = points.iter().map(|p| self.plan.node(p.node).id.len()).max().unwrap_or(0).min(40);
        for point in points {
            let steps = if point.undone == 1 { "1 step".to_owned() } else { format!("{} steps", point.undone) };
            let longest = point.longest.map_or("unknown".into(), |d| format!("at most {}", duration_text(d)));
            let id = crate::paint::pad(&self.plan.node(point.node).id, widest);
            if point.line {
                self.line("    ", &format!("{id}  ── the point of no return: back to here, and no further"));
                continue;
            }
            self.line("    ", &format!("{id}  {steps:>9}, {longest}"));
        }
    }

    fn undo_row(&mut self, position: usize, ix: NodeIx) {
        let node = self.plan.node(ix);
        let Some(work) = node.work() else { return };
        let takes = match way_back::undo_takes(work) {
            Some(d) => format!("at most {}", duration_text(d)),
            None => "unknown".into(),
        };
        let actions: Vec<String> = work
            .undo
            .actions()
            .iter()
            .map(|a| {
                let (word, text) = action_text(a);
                format!("{word} {text}")
            })
            .collect();
        let first = format!("  {position:>2}. ");
        self.line(&first, &format!("undo {} ({takes})", node.id));
        for action in actions {
            self.line("      ", &action);
        }
    }

    fn procedure_row(&mut self, position: usize, ix: NodeIx) {
        let node = self.plan.node(ix);
        let Some(work) = node.work() else { return };
        for (i, action) in work.actions.iter().enumerate() {
            let (word, text) = action_text(action);
            let first = if i == 0 { format!("  {position:>2}. ") } else { "      ".into() };
            self.line(&first, &format!("{word} {text}"));
        }
    }
}
