//! `for D`: how long a condition has been true.
//!
//! The first sample for which the condition is true starts the span; it has held when a true sample stands at least D
//! after that. One false sample ends it. A sample without data neither ends nor extends it, three in a row end it.

use jiff::{SignedDuration, Timestamp};

use super::event::Truth;

/// So many samples without data in a row end a span.
pub const BLIND: u32 = 3;

/// The state of one `for`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    /// The first true sample of the span that is running.
    pub since: Option<Timestamp>,
    /// Whether it has held long enough.
    pub held: bool,
    /// Samples without data in a row.
    pub blind: u32,
    /// How long it must hold, as it was last judged.
    pub needs: SignedDuration,
    /// Whether there has been a sample at all.
    pub judged: bool,
}

impl Span {
    /// The span after one more sample.
    pub fn judge(&mut self, truth: Truth, at: Timestamp, needs: SignedDuration) {
        self.needs = needs;
        self.judged = true;
        match truth {
            Truth::True => {
                let since = *self.since.get_or_insert(at);
                self.blind = 0;
                self.held = at.duration_since(since) >= needs;
            }
            Truth::False => *self = Span { needs, judged: true, ..Span::default() },
            Truth::NoData | Truth::Error => {
                self.blind += 1;
                if self.blind >= BLIND {
                    *self = Span { needs, judged: true, blind: self.blind, ..Span::default() };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judges samples a second apart; `for 2s` holds where the result says `!`.
    fn run(samples: &str) -> String {
        let mut span = Span::default();
        let start = Timestamp::UNIX_EPOCH;
        let mut result = String::new();
        for (i, sample) in samples.chars().enumerate() {
            let truth = match sample {
                't' => Truth::True,
                'f' => Truth::False,
                _ => Truth::NoData,
            };
            span.judge(truth, start + SignedDuration::from_secs(i as i64), SignedDuration::from_secs(2));
            result.push(if span.held { '!' } else { '.' });
        }
        result
    }

    #[test]
    fn a_span_holds_when_a_true_sample_stands_long_enough_after_the_first() {
        assert_eq!(run("ttt"), "..!");
        assert_eq!(run("tt"), "..");
        assert_eq!(run("ttfttt"), ".....!");
        assert_eq!(run("t?t"), "..!");
        assert_eq!(run("t??t"), "...!");
        assert_eq!(run("t???tt"), "......");
        assert_eq!(run("ttt?"), "..!!");
        assert_eq!(run("tttf"), "..!.");
    }
}
