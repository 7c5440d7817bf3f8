//! What the terminal can show: colours and width, decided once for each stream.

use std::io::{IsTerminal, Write};

use clap::ValueEnum;

use crate::paint::Paint;

/// How wide text is that goes to no terminal, in columns.
const WIDE: usize = 100;

/// Whether something is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Choice {
    /// If the stream is a terminal
    Auto,
    /// In any case
    Always,
    /// In no case
    Never,
}

/// The two streams.
pub(super) struct Screen {
    pub(super) out: Paint,
    pub(super) err: Paint,
    lost: std::cell::Cell<bool>,
}

impl Screen {
    pub(super) fn new(color: Choice) -> Self {
        let wanted = |choice: anstream::ColorChoice| match color {
            Choice::Always => true,
            Choice::Never => false,
            Choice::Auto => choice != anstream::ColorChoice::Never,
        };
        let stdout = wanted(anstream::AutoStream::choice(&std::io::stdout()));
        let stderr = wanted(anstream::AutoStream::choice(&std::io::stderr()));
        Screen {
            out: Paint { color: stdout, width: width(std::io::stdout()) },
            err: Paint { color: stderr, width: width(std::io::stderr()) },
            lost: std::cell::Cell::new(false),
        }
    }

    /// Writes to standard output. Whoever closes the pipe has seen enough; any other reason why it cannot be written is
    /// told, and the command has failed.
    pub(super) fn print(&self, text: &str) {
        self.print_on(text);
    }

    /// The same, and says whether somebody may read on.
    pub(super) fn print_on(&self, text: &str) -> bool {
        let mut out = std::io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        let open = written.is_ok();
        match written {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe && !self.lost.replace(true) => {
                self.error(&format!("standard output cannot be written: {error}"));
            }
            _ => {}
        }
        open
    }

    /// Whether something could not be written to standard output.
    pub(super) fn has_lost(&self) -> bool {
        self.lost.get()
    }

    /// Writes an error to standard error.
    pub(super) fn error(&self, text: &str) {
        let text = crate::source::harmless(text);
        let _closed = writeln!(std::io::stderr().lock(), "{} {text}", self.err.bad("error:"));
    }

    /// Writes a remark to standard error; its parts are harmless already.
    pub(super) fn note(&self, text: &str) {
        let _closed = writeln!(std::io::stderr().lock(), "{text}");
    }
}

/// How wide standard error is now.
pub(super) fn error_width() -> usize {
    width(std::io::stderr())
}

/// The width of a stream: the user's wish, the terminal's, or a good one.
fn width(stream: impl rustix::fd::AsFd + IsTerminal) -> usize {
    let wish = std::env::var("COLUMNS").ok().and_then(|c| c.parse::<usize>().ok());
    let terminal = || {
        let size = stream.is_terminal().then(|| rustix::termios::tcgetwinsize(&stream).ok())??;
        Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
    };
    wish.or_else(terminal).unwrap_or(WIDE).clamp(40, 400)
}
