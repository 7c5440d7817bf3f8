//! Commands: started without a shell in a session of their own, with a clean environment, and ended as a whole.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessSession};
use rustix::process::Signal;
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;

use crate::engine::{EffectId, Failure, FailureSort, Part, Slot};
use crate::plan::{Capture, Command, Word};
use crate::value::{EvalError, Expr, Part as Piece, RefKind, Value, evaluate};

use super::leftover::Mark;
use super::output::{OutputFile, Printed, Reader, lingered};
use super::scope::{CommandOutcome, HandOver, Outcome};
use super::session::Session;
use super::{Ran, Stop, Stopper, World};

/// How long what a command left behind has between SIGTERM and SIGKILL.
const LEFT_BEHIND: Duration = Duration::from_secs(1);

/// Variables that every command gets.
const BASIC: [&str; 4] = ["PATH", "HOME", "LANG", "TZ"];

/// The environment that a command gets of runbook's own: the basic variables and those named.
pub(super) fn clean_environment(inherit: &[String]) -> Vec<(OsString, OsString)> {
    let names = BASIC.iter().copied().chain(inherit.iter().map(String::as_str));
    names.filter_map(|name| Some((name.into(), std::env::var_os(name)?))).collect()
}

/// Which streams are neither shown nor kept, because a secret is captured from them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hidden {
    stdout: bool,
    stderr: bool,
}

impl Hidden {
    pub(super) fn of(captures: &[Capture]) -> Self {
        let from = |stream: &str| {
            let mut secret = captures.iter().filter(|c| c.secret);
            secret.any(|c| c.expr.refs().iter().any(|r| r.kind == RefKind::Output && r.name == stream))
        };
        // Where it is not said, it is standard output: `json("$.token")`.
        let any = captures.iter().any(|c| c.secret);
        Hidden { stdout: from("stdout") || (any && !from("stderr")), stderr: from("stderr") }
    }
}

/// Everything a process needs, worked out.
pub(super) struct Prepared {
    program: String,
    arguments: Vec<String>,
    env: Vec<(String, String)>,
    dir: PathBuf,
    stdin: Option<String>,
    stdout: Option<PathBuf>,
}

impl World {
    /// Runs a command, with what its gate captured before.
    pub(super) async fn command(
        &self,
        id: EffectId,
        command: &Command,
        captured: &[(String, Value)],
        hidden: Hidden,
        stop: Stopper,
    ) -> Ran {
        match self.prepare(command, captured) {
            Ok(prepared) => self.start(id, command, prepared, hidden, stop).await,
            Err(why) => Ran::Failed(Failure::new(FailureSort::Error, self.vault.mask().text(&why))),
        }
    }

    fn prepare(&self, command: &Command, captured: &[(String, Value)]) -> Result<Prepared, String> {
        let scope = HandOver { vault: &self.vault, captured };
        let text = |expr: &Expr| -> Result<String, String> {
            let text = evaluate(expr, &scope).map_err(|e| e.to_string())?.to_string();
            if text.contains('\0') {
                Err("a value has a NUL character, which no command can take".into())
            } else {
                Ok(text)
            }
        };
        let path = |expr: &Expr| -> Result<PathBuf, String> {
            if let Expr::Template(pieces) = expr {
                for piece in pieces {
                    if let Piece::Value(inner) = piece
                        && text(inner)?.split('/').any(|part| part == "..")
                    {
                        return Err("a value has `..` in it, which would lead out of its folder".into());
                    }
                }
            }
            Ok(self.dir.join(text(expr)?))
        };
        let mut words = Vec::new();
        for word in &command.words {
            words.extend(expand(word, &scope)?);
        }
        if words.iter().any(|w| w.contains('\0')) {
            return Err("a value has a NUL character, which no command can take".into());
        }
        let mut words = words.into_iter();
        let program = words.next().filter(|p| !p.is_empty()).ok_or("the name of the program is empty")?;
        let dir = match &command.dir {
            Some(dir) => path(dir)?,
            None => self.dir.clone(),
        };
        let env =
            command.env.iter().map(|(name, expr)| Ok((name.clone(), text(expr)?))).collect::<Result<_, String>>()?;
        Ok(Prepared {
            arguments: words.collect(),
            stdin: command
                .stdin
                .as_ref()
                .map(|s| evaluate(s, &scope).map(|v| v.to_string()))
                .transpose()
                .map_err(|e| e.to_string())?,
            stdout: command.stdout.as_ref().map(path).transpose()?,
            program,
            env,
            dir,
        })
    }

    async fn start(&self, id: EffectId, command: &Command, prepared: Prepared, hidden: Hidden, stop: Stopper) -> Ran {
        let error = |text: String| Ran::Failed(Failure::new(FailureSort::Error, text));
        let stdout = match &prepared.stdout {
            None => Stdio::piped(),
            Some(path) => match open_output(path).await {
                Ok(file) => Stdio::from(file),
                Err(why) => return error(format!("`{}` cannot be written: {why}", path.display())),
            },
        };
        let mut wrapped = CommandWrap::with_new(&prepared.program, |c| {
            c.args(&prepared.arguments).current_dir(&prepared.dir).env_clear();
            c.envs(clean_environment(&self.inherit)).envs(clean_environment(&command.inherit));
            c.envs(prepared.env.iter().map(|(k, v)| (k, v)));
            c.stdin(if prepared.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
            c.stdout(stdout).stderr(Stdio::piped());
        });
        wrapped.wrap(ProcessSession).wrap(KillOnDrop);
        let child = match wrapped.spawn() {
            Ok(child) => child,
            Err(problem) => return error(self.vault.mask().text(&not_started(&prepared, &problem))),
        };
        self.follow(id, child, prepared.stdin, hidden, stop).await
    }

    /// Feeds and reads a command until it has ended, or ends it.
    async fn follow(
        &self,
        id: EffectId,
        mut child: Box<dyn ChildWrapper>,
        stdin: Option<String>,
        hidden: Hidden,
        mut stop: Stopper,
    ) -> Ran {
        let Some(session) = child.id().and_then(Session::of) else {
            return Ran::Failed(Failure::new(FailureSort::Error, "it has no process id"));
        };
        let mark = Mark::set(&self.folder, session, &self.whose(id));
        let file = tokio::sync::Mutex::new(OutputFile::new(&self.output_path(id)));
        let (mut out, mut err) = (Printed::default(), Printed::default());
        let (end, end_seen) = watch::channel(None);
        let reader = |hidden| Reader { id, mask: self.vault.mask(), live: &self.live, hidden, ended: end_seen.clone() };
        let (out_reader, err_reader) = (reader(hidden.stdout), reader(hidden.stderr));
        let (stdout, stderr, input) = (child.stdout().take(), child.stderr().take(), child.stdin().take());
        let ended = {
            let reading = async {
                tokio::join!(
                    out_reader.read(stdout, &file, &mut out),
                    err_reader.read(stderr, &file, &mut err),
                    feed(input, stdin, end.subscribe())
                );
            };
            let waiting = self.wait(child, session, &mut stop);
            tokio::pin!(reading);
            tokio::pin!(waiting);
            let mut reading_done = false;
            let ended = loop {
                tokio::select! {
                    ended = &mut waiting => break ended,
                    () = &mut reading, if !reading_done => reading_done = true,
                }
            };
            end.send_replace(Some(Instant::now()));
            if !reading_done {
                reading.await;
            }
            ended
        };
        mark.clear();
        file.into_inner().close().await;
        match ended {
            Ended::Cancelled => Ran::Cancelled,
            Ended::Lost(why) => Ran::Failed(Failure::new(FailureSort::Error, why)),
            Ended::Exit(status) => Ran::Through(Outcome::Command(outcome(status, out, err))),
        }
    }

    /// Waits for the command's own end, or brings it about. Whoever it left behind in its session ends with it.
    async fn wait(&self, mut child: Box<dyn ChildWrapper>, session: Session, stop: &mut Stopper) -> Ended {
        let grace = Duration::try_from(self.grace).unwrap_or_default();
        let wish = tokio::select! {
            status = child.inner_mut().wait() => {
                session.end(LEFT_BEHIND).await;
                return match status {
                    Ok(status) => Ended::Exit(status),
                    Err(error) => Ended::Lost(format!("its end could not be seen: {error}")),
                };
            }
            wish = wished(stop) => wish,
        };
        if wish == Stop::Gently {
            session.signal(Signal::TERM);
            let gone = async {
                // The leader has to be waited for, or it stays in the list of processes.
                let _status = child.inner_mut().wait().await;
                session.gone_within(grace).await
            };
            tokio::select! {
                left = tokio::time::timeout(grace, gone) => {
                    if left == Ok(true) {
                        return Ended::Cancelled;
                    }
                }
                () = wished_now(stop) => {}
            }
        }
        session.kill().await;
        let _status = child.inner_mut().wait().await;
        Ended::Cancelled
    }

    /// To what a command belongs: a node, a metric, a fact.
    fn whose(&self, id: EffectId) -> String {
        match id {
            EffectId::Action(s) | EffectId::Look(s, _) => self.node_name(s).to_owned(),
            EffectId::Sample(..) | EffectId::Baseline(_) => "a metric".into(),
            EffectId::Fact(_) => "a fact".into(),
            EffectId::Message(_) => "a message".into(),
            EffectId::Lock => "the lock".into(),
        }
    }

    fn node_name(&self, slot: Slot) -> &str {
        self.names.get(slot.node.index()).map_or("node", String::as_str)
    }

    /// The file of an action's output.
    fn output_path(&self, id: EffectId) -> PathBuf {
        let slot = |s: Slot| {
            let node = self.node_name(s);
            let part = if s.part == Part::Undo { ".undo" } else { "" };
            format!("{node}{part}.{}.{}", s.attempt, s.action + 1)
        };
        let name = match id {
            EffectId::Action(s) => slot(s),
            EffectId::Look(s, attempt) => format!("{}.look{attempt}", slot(s)),
            EffectId::Sample(metric, _) | EffectId::Baseline(metric) => format!("metric{metric}"),
            EffectId::Fact(i) => format!("fact{i}"),
            EffectId::Message(key) => format!("message{key}"),
            EffectId::Lock => "lock".into(),
        };
        let safe: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect();
        self.folder.join("output").join(format!("{safe}.log"))
    }
}

/// How waiting for a command ended.
enum Ended {
    Exit(ExitStatus),
    Cancelled,
    Lost(String),
}

/// Waits until somebody wishes that it ends. Who could wish it being gone is a wish too.
async fn wished(stop: &mut Stopper) -> Stop {
    match stop.wait_for(|wish| *wish != Stop::No).await {
        Ok(wish) => *wish,
        Err(_) => Stop::Now,
    }
}

async fn wished_now(stop: &mut Stopper) {
    // An error means that nobody is left to wish anything else.
    let _gone = stop.wait_for(|wish| *wish == Stop::Now).await;
}

/// A word with its values put in: always one word, a list one for each of its elements.
fn expand(word: &Word, scope: &HandOver<'_>) -> Result<Vec<String>, String> {
    let value = |expr: &Expr| match evaluate(expr, scope) {
        Ok(value) => Ok(value),
        Err(EvalError::Later) => Err(format!("`{expr}` is not known")),
        Err(EvalError::Failed(why)) => Err(why),
    };
    let words = match &word.pieces[..] {
        [Piece::Value(expr)] => match value(expr)? {
            Value::List(items) => items.iter().map(Value::to_string).collect(),
            other => vec![other.to_string()],
        },
        pieces => {
            let mut text = String::new();
            for piece in pieces {
                match piece {
                    Piece::Text(literal) => text.push_str(literal),
                    Piece::Value(expr) => text.push_str(&value(expr)?.to_string()),
                }
            }
            vec![text]
        }
    };
    if !word.may_be_option
        && let Some(bad) = words.iter().find(|w| w.starts_with('-'))
    {
        return Err(format!("`{}` would be read as an option; write `--` before the value", super::short(bad)));
    }
    Ok(words)
}

async fn feed(
    input: Option<tokio::process::ChildStdin>,
    text: Option<String>,
    mut ended: watch::Receiver<Option<Instant>>,
) {
    let (Some(mut input), Some(text)) = (input, text) else { return };
    // A command that does not read its input has its reasons.
    tokio::select! {
        _closed = input.write_all(text.as_bytes()) => {}
        () = lingered(&mut ended) => {}
    }
    let _closed = input.shutdown().await;
}

async fn open_output(path: &std::path::Path) -> std::io::Result<std::fs::File> {
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    Ok(tokio::fs::File::create(path).await?.into_std().await)
}

/// Why a program could not be started, and what can be done about it.
fn not_started(prepared: &Prepared, problem: &std::io::Error) -> String {
    let program = super::short(&prepared.program);
    if !prepared.dir.is_dir() {
        return format!("there is no directory `{}`", prepared.dir.display());
    }
    match problem.kind() {
        ErrorKind::NotFound if program.contains('/') => format!("there is no program `{program}`"),
        ErrorKind::NotFound => format!("there is no program `{program}` on the PATH"),
        ErrorKind::PermissionDenied => format!("`{program}` is not a program that may be started"),
        ErrorKind::ArgumentListTooLong => format!("the words for `{program}` are too long for a command line"),
        _ => format!("`{program}` could not be started: {problem}"),
    }
}

fn outcome(status: ExitStatus, out: Printed, err: Printed) -> CommandOutcome {
    let mut tail: Vec<String> = out.tail.into_iter().collect();
    // What went wrong is mostly said on standard error.
    if status.success() || err.tail.is_empty() {
        tail.extend(err.tail);
    } else {
        tail = err.tail.into_iter().collect();
    }
    let text = |bytes: Vec<u8>| {
        String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
    };
    CommandOutcome {
        exit: status.code(),
        signal: status.signal(),
        truncated: out.truncated || err.truncated,
        stdout: text(out.kept),
        stderr: text(err.kept),
        tail,
    }
}
