//! What a command prints: to its file, to the screen, and what is kept of it.
//!
//! Everything is masked before it goes anywhere. What is kept in memory is bounded, whatever is printed.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, watch};

use crate::engine::{EffectId, Live};
use crate::source::one_line;

use super::mask::{Mask, MaskStream};

/// So much of each stream is kept for `expect` and `capture`.
const KEPT: usize = 1024 * 1024;

/// So much of an action's output goes to its file.
const FILE_LIMIT: usize = 16 * 1024 * 1024;

/// So many of the last lines are kept for messages.
const TAIL: usize = 20;

/// A line is cut there on the screen and in messages.
const LINE: usize = 400;

/// What was printed on one stream.
#[derive(Debug, Default)]
pub(super) struct Printed {
    pub(super) kept: Vec<u8>,
    pub(super) truncated: bool,
    pub(super) tail: VecDeque<String>,
}

/// The file of an action's output, opened when there is something to write.
pub(super) struct OutputFile {
    path: PathBuf,
    file: Option<tokio::fs::File>,
    written: usize,
    failed: bool,
}

impl OutputFile {
    pub(super) fn new(path: &Path) -> Self {
        OutputFile { path: path.to_owned(), file: None, written: 0, failed: false }
    }

    /// Writes some masked bytes. A file that cannot be written does not stop a release: its lines were on the screen,
    /// and the last ones go into the record.
    async fn write(&mut self, bytes: &[u8]) {
        if self.failed || bytes.is_empty() || self.written >= FILE_LIMIT {
            return;
        }
        let room = (FILE_LIMIT - self.written).min(bytes.len());
        if self.put(&bytes[..room]).await.is_err() {
            self.failed = true;
            return;
        }
        self.written += room;
        if self.written >= FILE_LIMIT {
            self.failed = self.put(b"\n[runbook: the rest of the output was not kept]\n").await.is_err();
        }
    }

    async fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if self.file.is_none() {
            if let Some(folder) = self.path.parent() {
                tokio::fs::create_dir_all(folder).await?;
            }
            self.file = Some(tokio::fs::OpenOptions::new().create(true).append(true).open(&self.path).await?);
        }
        match &mut self.file {
            Some(file) => file.write_all(bytes).await,
            None => Ok(()),
        }
    }

    pub(super) async fn close(mut self) {
        if let Some(file) = &mut self.file {
            self.failed |= file.flush().await.is_err();
        }
    }
}

/// How long the output of a command that has ended is waited for: only who has left its session can hold it open. The
/// first while nothing comes, the second in all.
const LINGER: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// Reads one stream to its end.
pub(super) struct Reader<'a> {
    pub(super) id: EffectId,
    pub(super) mask: &'a Mask,
    pub(super) live: &'a mpsc::Sender<Live>,
    /// A secret is captured from this stream: until it is known what of it is secret, nothing of it is shown or kept.
    pub(super) hidden: bool,
    /// When the command ended.
    pub(super) ended: watch::Receiver<Option<Instant>>,
}

impl Reader<'_> {
    pub(super) async fn read(
        &self,
        stream: Option<impl AsyncRead + Unpin>,
        file: &tokio::sync::Mutex<OutputFile>,
        printed: &mut Printed,
    ) {
        let Some(mut stream) = stream else { return };
        let mut masking = self.mask.stream();
        let mut lines = Lines { id: self.id, live: self.live, mask: self.mask, partial: Vec::new() };
        if self.hidden {
            file.lock().await.write(b"[runbook: not kept, because a secret is captured from it]\n").await;
        }
        let mut buffer = vec![0; 64 * 1024];
        let mut ended = self.ended.clone();
        loop {
            let read = tokio::select! {
                biased;
                read = stream.read(&mut buffer) => read,
                () = lingered(&mut ended) => break,
            };
            let count = match read {
                Ok(0) | Err(_) => break,
                Ok(count) => count,
            };
            keep(printed, &buffer[..count]);
            if self.hidden {
                continue;
            }
            let masked = masking.feed(&buffer[..count]);
            self.show(&masked, file, printed, &mut lines).await;
        }
        self.finish(&mut masking, file, printed, &mut lines).await;
    }

    async fn show(
        &self,
        masked: &[u8],
        file: &tokio::sync::Mutex<OutputFile>,
        printed: &mut Printed,
        lines: &mut Lines<'_>,
    ) {
        file.lock().await.write(masked).await;
        lines.feed(masked, &mut printed.tail);
    }

    async fn finish(
        &self,
        masking: &mut MaskStream,
        file: &tokio::sync::Mutex<OutputFile>,
        printed: &mut Printed,
        lines: &mut Lines<'_>,
    ) {
        let rest = masking.end();
        self.show(&rest, file, printed, lines).await;
        lines.end(&mut printed.tail);
    }
}

/// Waits until a command has ended and long enough after that.
pub(super) async fn lingered(ended: &mut watch::Receiver<Option<Instant>>) {
    let at = match ended.wait_for(Option::is_some).await {
        Ok(at) => *at,
        Err(_) => None,
    };
    let last = at.map_or(Instant::now(), |at| at + LINGER.1);
    tokio::time::sleep_until(last.min(Instant::now() + LINGER.0).into()).await;
}

fn keep(printed: &mut Printed, bytes: &[u8]) {
    let room = KEPT - printed.kept.len();
    printed.truncated |= bytes.len() > room;
    printed.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

/// Bytes → lines for the screen. A line that does not end is shown in pieces.
struct Lines<'a> {
    id: EffectId,
    live: &'a mpsc::Sender<Live>,
    mask: &'a Mask,
    partial: Vec<u8>,
}

impl Lines<'_> {
    fn feed(&mut self, bytes: &[u8], tail: &mut VecDeque<String>) {
        let recent = last_lines(bytes);
        if recent.len() < bytes.len() {
            self.partial.clear();
        }
        for piece in recent.split_inclusive(|b| *b == b'\n' || *b == b'\r') {
            self.partial.extend_from_slice(piece);
            if piece.ends_with(b"\n") || piece.ends_with(b"\r") || self.partial.len() > 4 * LINE {
                self.end(tail);
            }
        }
    }

    fn end(&mut self, tail: &mut VecDeque<String>) {
        let bytes = std::mem::take(&mut self.partial);
        let text = String::from_utf8_lossy(&bytes);
        // What stood between the parts of a secret may have been taken out.
        let line = self.mask.text(&harmless_line(&text));
        if line.trim().is_empty() {
            return;
        }
        if tail.len() == TAIL {
            tail.pop_front();
        }
        tail.push_back(line.clone());
        // A screen that cannot keep up misses lines; they are in the file.
        let _full = self.live.try_send(Live::Line(self.id, line));
    }
}

/// Of a flood only the end can be read by anybody: the last lines of some bytes.
fn last_lines(bytes: &[u8]) -> &[u8] {
    let bytes = &bytes[bytes.len().saturating_sub(TAIL * LINE)..];
    let ends = bytes.iter().enumerate().rev().filter(|(_, b)| **b == b'\n');
    match ends.map(|(i, _)| i).nth(TAIL) {
        Some(end) => &bytes[end + 1..],
        None => bytes,
    }
}

/// A line without escape sequences and control characters, cut to a length.
pub(super) fn harmless_line(text: &str) -> String {
    // What is cut off need not be looked at.
    let end = text.char_indices().nth(4 * LINE).map_or(text.len(), |(i, _)| i);
    let plain = anstream::adapter::strip_str(text[..end].trim_end_matches(['\n', '\r'])).to_string();
    crate::paint::cut(&one_line(&plain), LINE)
}
