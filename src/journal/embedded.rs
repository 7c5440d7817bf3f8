//! The embedded store: one SQLite file in the project's state folder, write-ahead log, every commit on disk.

use std::fs::{File, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use crate::engine::{Ending, Event, EventKind, Who, Wish};
use crate::plan::Plan;

use super::{Holder, Journal, JournalError, Record, RunRow};

/// The version of the tables.
const SCHEMA: i64 = 2;

/// How long another process may hold the file.
const BUSY: Duration = Duration::from_secs(10);

/// How long is waited before the file is tried again, where SQLite itself does not wait.
const PAUSE: Duration = Duration::from_millis(5);

/// So many events that nothing is built on are held back at most …
const HELD: usize = 256;

/// … and so long: somebody at another terminal wants to see them.
const HELD_FOR: SignedDuration = SignedDuration::from_secs(2);

const TABLES: &str = "
    CREATE TABLE runs (
        id TEXT PRIMARY KEY, runbook TEXT NOT NULL, started TEXT NOT NULL, ending TEXT, plan TEXT NOT NULL, head BLOB
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE events (
        run TEXT NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (run, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE locks (
        name TEXT PRIMARY KEY, run TEXT NOT NULL, who TEXT NOT NULL, since TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE wishes (id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, wish TEXT NOT NULL) STRICT;
";

/// What each version added to the one before: from 1 to 2 the hash of a run's last record, so that records which are missing at
/// its end show, and what people at other terminals want of a run.
const MIGRATIONS: [&str; 1] = ["ALTER TABLE runs ADD COLUMN head BLOB;
    CREATE TABLE wishes (id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, wish TEXT NOT NULL) STRICT;"];

/// A log of more bytes than this is moved into the file when a run ends.
const LONG_LOG: u64 = 512 * 1024;

/// The store of a project.
pub struct Embedded {
    connection: Connection,
    path: PathBuf,
    folder: PathBuf,
    /// Which file it is, by device and number: what is written to one that was removed is lost.
    file: Option<(u64, u64)>,
}

/// The events of one run on their way into the store.
pub struct RunJournal {
    store: Embedded,
    run: String,
    /// What is still to be written before the first event.
    new: Option<NewRun>,
    seq: i64,
    hash: Vec<u8>,
    held: Vec<Event>,
    /// The wish that is being taken and whose row is still there.
    taken: Option<i64>,
    /// Held as long as this process runs the run.
    _runner: File,
}

/// A run that is not in the store yet.
struct NewRun {
    runbook: String,
    plan: String,
}

impl Embedded {
    /// Opens the store in a state folder, and makes it if it is not there.
    ///
    /// # Errors
    /// Says why it cannot be used.
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        let path = folder.join("journal.db");
        let fail = |doing: &'static str, why: String| JournalError::Store { doing, path: path.clone(), why };
        // What commands printed, and what the runs of others are about, is nobody's business.
        let make = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        make.map_err(|e| fail("cannot make the folder of", e.to_string()))?;
        let ignore = folder.join(".gitignore");
        if !ignore.exists() {
            std::fs::write(&ignore, "*\n").map_err(|e| fail("cannot write beside", e.to_string()))?;
        }
        let connection = Connection::open(&path).map_err(|e| fail("cannot open", text(&e)))?;
        let mut store = Embedded { connection, path: path.clone(), folder: folder.to_owned(), file: None };
        store.prepare().map_err(|e| fail("cannot use", text(&e)))?;
        store.migrate()?;
        store.file = which(&path);
        Ok(store)
    }

    /// A file that was removed, or another one in its place, takes everything and keeps nothing.
    fn is_still_there(&self) -> Result<(), JournalError> {
        if self.file.is_some() && which(&self.path) == self.file {
            return Ok(());
        }
        let why = "it was removed, or another file stands in its place".to_owned();
        Err(JournalError::Store { doing: "cannot write to", path: self.path.clone(), why })
    }

    fn prepare(&self) -> rusqlite::Result<()> {
        self.connection.busy_timeout(BUSY)?;
        self.log_ahead()?;
        self.connection.pragma_update(None, "synchronous", "FULL")?;
        // Moving the log into the file at every end of a process would cost two flushes and give nothing.
        self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        Ok(())
    }

    /// Whoever is first makes the log; SQLite does not wait for others who are at it at the same moment, but says at once
    /// that the file is busy.
    fn log_ahead(&self) -> rusqlite::Result<()> {
        let mut patience = BUSY;
        loop {
            match self.connection.pragma_update(None, "journal_mode", "WAL") {
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && !patience.is_zero() => {
                    std::thread::sleep(PAUSE);
                    patience = patience.saturating_sub(PAUSE);
                }
                done => return done,
            }
        }
    }

    fn migrate(&mut self) -> Result<(), JournalError> {
        let path = self.path.clone();
        let fail = |e: rusqlite::Error| JournalError::Store { doing: "cannot read", path: path.clone(), why: text(&e) };
        let version = |c: &Connection| c.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
        let found = version(&self.connection).map_err(fail)?;
        if found > SCHEMA {
            return Err(JournalError::Newer { path, found });
        }
        if (1..SCHEMA).contains(&found) {
            let transaction =
                self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&fail)?;
            // Another process may have been faster.
            let now = version(&transaction).map_err(&fail)?;
            for step in MIGRATIONS.iter().skip((now - 1) as usize) {
                transaction.execute_batch(step).map_err(&fail)?;
            }
            transaction.pragma_update(None, "user_version", SCHEMA).map_err(&fail)?;
            transaction.commit().map_err(&fail)?;
        }
        if found == 0 {
            let transaction =
                self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
            // Another process may have been faster.
            if version(&transaction).map_err(fail)? == 0 {
                transaction.execute_batch(TABLES).map_err(fail)?;
                transaction.pragma_update(None, "user_version", SCHEMA).map_err(fail)?;
            }
            transaction.commit().map_err(fail)?;
        }
        Ok(())
    }

    /// Moves a long log into the file: the next process to open the store would have to read all of it.
    fn tidy(&self) {
        let long = std::fs::metadata(self.path.with_extension("db-wal")).is_ok_and(|log| log.len() > LONG_LOG);
        if long {
            // Somebody else may be reading; then the next one does it.
            let _later = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
        }
    }

    fn store_error(&self, doing: &'static str) -> impl Fn(rusqlite::Error) -> JournalError + use<> {
        let path = self.path.clone();
        move |error| JournalError::Store { doing, path: path.clone(), why: text(&error) }
    }

    /// The folder for what belongs to a run besides its events.
    pub fn run_folder(&self, run: &str) -> PathBuf {
        self.folder.join("runs").join(run)
    }

    /// All runs, the newest last.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn runs(&self) -> Result<Vec<RunRow>, JournalError> {
        let fail = self.store_error("cannot read");
        let mut query = self
            .connection
            .prepare("SELECT id, runbook, started, ending FROM runs ORDER BY started, id")
            .map_err(&fail)?;
        let rows = query
            .query_map([], |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, String>(2)?,
                    row.get::<_, Option<String>>(3)?,
                ))
            })
            .map_err(&fail)?;
        let mut runs = Vec::new();
        for row in rows {
            let (id, runbook, started, ending) = row.map_err(&fail)?;
            let started = started.parse().unwrap_or(Timestamp::UNIX_EPOCH);
            let ending = ending.and_then(|e| serde_json::from_value(serde_json::Value::String(e)).ok());
            runs.push(RunRow { id, runbook, started, ending });
        }
        Ok(runs)
    }

    /// The plan and the events of a run. Its hashes are held against its events.
    ///
    /// # Errors
    /// If there is no such run, or its record is not what was written.
    pub fn read(&self, run: &str) -> Result<Record, JournalError> {
        let fail = self.store_error("cannot read");
        // In one view of the store: somebody may be writing.
        let view = self.connection.unchecked_transaction().map_err(&fail)?;
        let found: Option<(String, Option<Vec<u8>>)> = view
            .query_row("SELECT plan, head FROM runs WHERE id = ?1", [run], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(&fail)?;
        let broken = |why: String| JournalError::Broken { run: run.to_owned(), why };
        let Some((plan_text, last)) = found else { return Err(JournalError::NoRun(run.to_owned())) };
        let plan: Plan =
            serde_json::from_str(&plan_text).map_err(|e| broken(format!("its plan cannot be read: {e}")))?;
        let mut query =
            view.prepare("SELECT seq, body, hash FROM events WHERE run = ?1 ORDER BY seq").map_err(&fail)?;
        let mut rows = query.query([run]).map_err(&fail)?;
        let mut events = Vec::new();
        let mut hash = first_hash(&plan_text);
        while let Some(row) = rows.next().map_err(&fail)? {
            let (seq, body, found): (i64, String, Vec<u8>) =
                (row.get(0).map_err(&fail)?, row.get(1).map_err(&fail)?, row.get(2).map_err(&fail)?);
            if seq != events.len() as i64 {
                return Err(broken(format!("the record {} is missing", events.len())));
            }
            hash = next_hash(&hash, &body);
            if hash != found {
                return Err(broken(format!("the record {seq} was changed after it was written")));
            }
            events.push(
                serde_json::from_str(&body).map_err(|e| broken(format!("the record {seq} cannot be read: {e}")))?,
            );
        }
        if last.is_some_and(|last| last != hash) {
            return Err(broken(format!("records behind the {} that are here are missing", events.len())));
        }
        let head = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        // A run goes on by the plan that it was given last.
        let newest = events.iter().rev().find_map(|event: &Event| match &event.kind {
            EventKind::PlanChanged { plan, .. } => Some(plan.as_ref().clone()),
            _ => None,
        });
        Ok(Record { plan: newest.unwrap_or_else(|| plan.clone()), first: plan, events, head })
    }

    /// Begins the record of a new run. It comes to be with its first events.
    ///
    /// # Errors
    /// If the store does not work. Then there is no run.
    pub fn begin(self, run: &str, plan: &Plan) -> Result<RunJournal, JournalError> {
        let taken = || JournalError::Broken { run: run.to_owned(), why: "it is being run already".into() };
        let runner = self.runner(run)?.ok_or_else(taken)?;
        let plan_text = serde_json::to_string(plan).expect("a plan has text for keys, so it is JSON");
        let new = NewRun { runbook: plan.runbook.id.clone(), plan: plan_text };
        let hash = first_hash(&new.plan);
        let (run, held) = (run.to_owned(), Vec::new());
        Ok(RunJournal { store: self, run, new: Some(new), seq: 0, hash, held, taken: None, _runner: runner })
    }

    /// Goes on with the record of a run.
    ///
    /// # Errors
    /// If the store does not work, or another process is running it. That one is the inner answer.
    pub fn resume(self, run: &str) -> Result<Option<(RunJournal, Record)>, JournalError> {
        let record = self.read(run)?;
        let Some(runner) = self.runner(run)? else { return Ok(None) };
        let fail = self.store_error("cannot read");
        let hash = self
            .connection
            .query_row("SELECT hash FROM events WHERE run = ?1 ORDER BY seq DESC LIMIT 1", [run], |row| row.get(0))
            .map_err(fail)?;
        let seq = record.events.len() as i64;
        let journal = RunJournal {
            store: self,
            run: run.to_owned(),
            new: None,
            seq,
            hash,
            held: Vec::new(),
            taken: None,
            _runner: runner,
        };
        Ok(Some((journal, record)))
    }

    /// Asks something of a run that a process is running. Says by which number [`Embedded::was_taken`] knows it.
    ///
    /// # Errors
    /// If the store does not work.
    pub fn wish(&self, run: &str, wish: &Wish) -> Result<i64, JournalError> {
        let fail = self.store_error("cannot write to");
        let text = serde_json::to_string(wish).expect("a wish has text for keys, so it is JSON");
        self.connection.execute("INSERT INTO wishes (run, wish) VALUES (?1, ?2)", params![run, text]).map_err(fail)?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Whether the run has taken a wish.
    ///
    /// # Errors
    /// If the store does not work.
    pub fn was_taken(&self, wish: i64) -> Result<bool, JournalError> {
        let fail = self.store_error("cannot read");
        let count: i64 = self
            .connection
            .query_row("SELECT count(*) FROM wishes WHERE id = ?1", [wish], |row| row.get(0))
            .map_err(fail)?;
        Ok(count == 0)
    }

    /// Whether somebody wants something of a run that it has not heard of yet.
    ///
    /// # Errors
    /// If the store does not work.
    pub fn has_wishes(&self, run: &str) -> Result<bool, JournalError> {
        let fail = self.store_error("cannot read");
        let count: i64 = self
            .connection
            .query_row("SELECT count(*) FROM wishes WHERE run = ?1", [run], |row| row.get(0))
            .map_err(fail)?;
        Ok(count > 0)
    }

    /// Takes a wish back; says whether nobody had taken it.
    ///
    /// # Errors
    /// If the store does not work.
    pub fn unwish(&self, wish: i64) -> Result<bool, JournalError> {
        let fail = self.store_error("cannot write to");
        let count = self.connection.execute("DELETE FROM wishes WHERE id = ?1", [wish]).map_err(fail)?;
        Ok(count > 0)
    }

    /// Whether a process is running a run.
    pub fn is_running(&self, run: &str) -> bool {
        matches!(self.runner(run), Ok(None))
    }

    /// The file that the runner of a run keeps locked; nothing if somebody else does.
    fn runner(&self, run: &str) -> Result<Option<File>, JournalError> {
        let folder = self.run_folder(run);
        let path = folder.join("runner.lock");
        let fail =
            |e: std::io::Error| JournalError::Store { doing: "cannot use", path: path.clone(), why: e.to_string() };
        std::fs::create_dir_all(&folder).map_err(fail)?;
        let file = File::options().create(true).append(true).open(&path).map_err(fail)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(fail(error)),
        }
    }
}

fn insert(
    connection: &Connection,
    run: &str,
    mut seq: i64,
    hash: &[u8],
    events: &[Event],
) -> rusqlite::Result<(i64, Vec<u8>)> {
    let mut hash = hash.to_vec();
    let mut statement =
        connection.prepare_cached("INSERT INTO events (run, seq, body, hash) VALUES (?1, ?2, ?3, ?4)")?;
    for event in events {
        let body = serde_json::to_string(event).expect("an event has text for keys, so it is JSON");
        hash = next_hash(&hash, &body);
        statement.execute(params![run, seq, body, hash])?;
        seq += 1;
        if let EventKind::RunEnded { ending } = &event.kind {
            let mut update = connection.prepare_cached("UPDATE runs SET ending = ?2 WHERE id = ?1")?;
            update.execute(params![run, ending_word(*ending)])?;
        }
    }
    let mut update = connection.prepare_cached("UPDATE runs SET head = ?2 WHERE id = ?1")?;
    update.execute(params![run, hash])?;
    Ok((seq, hash))
}

fn ending_word(ending: Ending) -> String {
    serde_json::to_value(ending).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The chain begins with the plan: a changed plan breaks it as a changed event does.
fn first_hash(plan: &str) -> Vec<u8> {
    Sha256::digest(plan.as_bytes()).to_vec()
}

fn next_hash(before: &[u8], body: &str) -> Vec<u8> {
    let mut hasher = Sha256::new();
    hasher.update(before);
    hasher.update(body.as_bytes());
    hasher.finalize().to_vec()
}

/// What SQLite says, for people.
fn text(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(code, message) => {
            let reason = match code.code {
                ErrorCode::DiskFull => "the disk is full",
                ErrorCode::ReadOnly => "it may not be written",
                ErrorCode::CannotOpen => "it cannot be opened",
                ErrorCode::DatabaseBusy => "another process has it",
                ErrorCode::NotADatabase => "it is not a journal",
                _ => return message.clone().unwrap_or_else(|| error.to_string()),
            };
            reason.to_owned()
        }
        other => other.to_string(),
    }
}

impl RunJournal {
    /// The folder for what belongs to the run besides its events.
    pub fn folder(&self) -> PathBuf {
        self.store.run_folder(&self.run)
    }

    fn write(&mut self) -> Result<(), JournalError> {
        if self.held.is_empty() {
            return Ok(());
        }
        self.store.is_still_there()?;
        let fail = self.store.store_error("cannot write to");
        let transaction =
            self.store.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&fail)?;
        if let Some(new) = &self.new {
            let started = self.held.first().map_or(Timestamp::UNIX_EPOCH, |e| e.at).to_string();
            let insert = "INSERT INTO runs (id, runbook, started, plan) VALUES (?1, ?2, ?3, ?4)";
            transaction.execute(insert, params![self.run, new.runbook, started, new.plan]).map_err(&fail)?;
        }
        let (seq, hash) = insert(&transaction, &self.run, self.seq, &self.hash, &self.held).map_err(&fail)?;
        if let Some(taken) = self.taken {
            forget(&transaction, &self.run, taken).map_err(&fail)?;
        }
        transaction.commit().map_err(&fail)?;
        (self.seq, self.hash) = (seq, hash);
        self.new = None;
        self.taken = None;
        self.held.clear();
        Ok(())
    }
}

impl Journal for RunJournal {
    fn append(&mut self, events: &[Event]) -> Result<(), JournalError> {
        self.held.extend_from_slice(events);
        let old = self.held.first().zip(self.held.last()).is_some_and(|(a, b)| b.at.duration_since(a.at) >= HELD_FOR);
        let wanted = events.iter().any(|e| e.kind.is_durable()) || self.held.len() > HELD || old;
        if wanted { self.write() } else { Ok(()) }
    }

    fn lock(&mut self, names: &[String], who: &Who, now: Timestamp) -> Result<Result<(), Holder>, JournalError> {
        let fail = self.store.store_error("cannot take the lock in");
        let transaction =
            self.store.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&fail)?;
        for name in names {
            let held = transaction
                .query_row("SELECT run, who, since FROM locks WHERE name = ?1", [name], |row| {
                    Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
                })
                .optional()
                .map_err(&fail)?;
            if let Some((run, who, since)) = held
                && run != self.run
                && !has_ended(&transaction, &run).map_err(&fail)?
            {
                drop(transaction);
                let alive = self.store.is_running(&run);
                let since = since.parse().unwrap_or(Timestamp::UNIX_EPOCH);
                return Ok(Err(Holder { lock: name.clone(), run, who, since, alive }));
            }
            transaction
                .execute(
                    "INSERT OR REPLACE INTO locks (name, run, who, since) VALUES (?1, ?2, ?3, ?4)",
                    params![name, self.run, who.to_string(), now.to_string()],
                )
                .map_err(&fail)?;
        }
        transaction.commit().map_err(&fail)?;
        Ok(Ok(()))
    }

    fn wishes(&mut self) -> Result<Vec<(i64, Option<Wish>)>, JournalError> {
        let fail = self.store.store_error("cannot read");
        let mut query = self
            .store
            .connection
            .prepare_cached("SELECT id, wish FROM wishes WHERE run = ?1 ORDER BY id")
            .map_err(&fail)?;
        let rows = query
            .query_map([&self.run], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))
            .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
            .map_err(&fail)?;
        Ok(rows.into_iter().map(|(number, wish)| (number, serde_json::from_str(&wish).ok())).collect())
    }

    fn taking(&mut self, number: i64) {
        self.taken = Some(number);
    }

    fn taken(&mut self) -> Result<(), JournalError> {
        let Some(taken) = self.taken else { return Ok(()) };
        let fail = self.store.store_error("cannot write to");
        forget(&self.store.connection, &self.run, taken).map_err(fail)?;
        self.taken = None;
        Ok(())
    }

    fn unlock(&mut self) -> Result<(), JournalError> {
        self.write()?;
        let fail = self.store.store_error("cannot give the lock back in");
        self.store.connection.execute("DELETE FROM locks WHERE run = ?1", [&self.run]).map_err(fail)?;
        Ok(())
    }
}

/// Which file a path leads to.
fn which(path: &Path) -> Option<(u64, u64)> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

/// Wishes up to a number were dealt with.
fn forget(connection: &Connection, run: &str, taken: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM wishes WHERE run = ?1 AND id <= ?2", params![run, taken]).map(|_| ())
}

/// Whether a run has ended in a way after which it holds no lock: its process ended before it could give it back.
fn has_ended(connection: &Connection, run: &str) -> rusqlite::Result<bool> {
    let ending: Option<Option<String>> =
        connection.query_row("SELECT ending FROM runs WHERE id = ?1", [run], |row| row.get(0)).optional()?;
    Ok(ending.flatten().is_some_and(|ending| ending != ending_word(Ending::Stuck)))
}

impl Drop for RunJournal {
    fn drop(&mut self) {
        // What is held back is what nothing is built on; if it cannot be written now, nothing is lost that matters.
        let _lost = self.write();
        self.store.tidy();
    }
}

#[cfg(test)]
mod tests;
