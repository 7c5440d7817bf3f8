//! What a run that was killed has left running.
//!
//! Each command is marked by a file beside the record while it runs. Whoever takes the run up ends what is still marked,
//! before anything else: else a command that nobody knows of would do its work while it is being undone.

use std::path::{Path, PathBuf};

use jiff::SignedDuration;

use super::session::Session;

/// The folder of the marks, in the folder of a run.
const FOLDER: &str = "running";

/// The mark of a command that runs. What cannot be written down does not stop a release.
pub(super) struct Mark(Option<PathBuf>);

impl Mark {
    /// Marks a session; `whose` is the node or what else it belongs to.
    pub(super) fn set(run_folder: &Path, session: Session, whose: &str) -> Self {
        let Some(identity) = session.identity() else { return Mark(None) };
        let folder = run_folder.join(FOLDER);
        let path = folder.join(session.leader().to_string());
        let write = || std::fs::write(&path, format!("{identity}\n{whose}\n"));
        let written = write().or_else(|_| std::fs::create_dir_all(&folder).and_then(|()| write()));
        Mark(written.is_ok().then_some(path))
    }

    /// Nobody of the session is left.
    pub(super) fn clear(self) {
        if let Some(path) = self.0 {
            let _gone = std::fs::remove_file(path);
        }
    }
}

/// Ends what an earlier process of a run has left running: SIGTERM, after the grace SIGKILL. Gives whose it was.
pub async fn end_leftovers(run_folder: &Path, grace: SignedDuration) -> Vec<String> {
    let grace = std::time::Duration::try_from(grace).unwrap_or_default();
    let mut ended = Vec::new();
    let Ok(entries) = std::fs::read_dir(run_folder.join(FOLDER)) else { return ended };
    for path in entries.flatten().map(|entry| entry.path()) {
        let leader = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let mut lines = text.lines();
        if let (Some(leader), Some(identity)) = (leader, lines.next())
            && let Some(session) = Session::found(leader, identity)
            && session.is_alive()
        {
            session.end(grace).await;
            ended.push(lines.next().unwrap_or_default().to_owned());
        }
        let _gone = std::fs::remove_file(&path);
    }
    ended.sort();
    ended
}
