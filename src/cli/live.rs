//! A run in this process: the journal, the world, the screen and the signals around one driver.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::drive::{Clock, DriveError, Driver, Signal, Watch};
use crate::engine::{Ending, Event, Input, Live, Run, Who};
use crate::journal::{Embedded, RunJournal};
use crate::plan::Plan;
use crate::report::{Json, Plain, Progress, Reporter};
use crate::source::one_line;
use crate::world::{Vault, World, unusable_channels};

use super::Exit;
use super::say::{Typed, new_key, typed};
use super::screen::{Screen, error_width};

/// So many lines for the screen may wait to be shown.
const LINES: usize = 256;

/// How a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// Progress on a terminal, else plain lines
    Auto,
    /// Progress that moves
    Tty,
    /// A line an event
    Plain,
    /// A JSON document a line
    Json,
}

#[derive(Debug, clap::Args)]
pub(super) struct LiveArguments {
    /// How the run is shown
    #[arg(long, value_name = "HOW", default_value = "auto", hide_default_value = true)]
    pub(super) output: Output,
    /// Who you are; recorded as a claim beside the user of the operating system
    #[arg(long = "as", value_name = "EMAIL", env = "RUNBOOK_AS", hide_env_values = true)]
    pub(super) claim: Option<String>,
}

impl LiveArguments {
    pub(super) fn who(&self) -> Who {
        who(self.claim.clone())
    }

    fn reporter(&self, screen: &Screen) -> Box<dyn Reporter> {
        // A terminal that cannot move its cursor is a log.
        let moves = std::io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb");
        match self.output {
            Output::Json => Box::new(Json::new(std::io::stdout())),
            Output::Tty if moves => Box::new(Progress::new(screen.err, error_width)),
            Output::Auto if moves && std::io::stdout().is_terminal() => {
                Box::new(Progress::new(screen.err, error_width))
            }
            Output::Auto | Output::Plain | Output::Tty => Box::new(Plain::new(std::io::stdout(), screen.out)),
        }
    }
}

/// Somebody: the user of the operating system, and who they say they are.
pub(super) fn who(claim: Option<String>) -> Who {
    // Nobody's address is as long as that.
    let claim = claim.map(|c| one_line(c.trim()).chars().take(254).collect::<String>()).filter(|c| !c.is_empty());
    Who { user: user(), claim }
}

/// The user of the operating system, by its list of users; the environment could say anything.
fn user() -> String {
    let uid = rustix::process::getuid().as_raw();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("uid {uid}"))
}

/// What watches a run. A reporter that fails is let go with a warning: a release never ends because a screen did.
struct Shown<'s> {
    reporter: Option<Box<dyn Reporter>>,
    screen: &'s Screen,
    who: Who,
}

impl Shown<'_> {
    fn tell(&mut self, tell: impl FnOnce(&mut dyn Reporter) -> std::io::Result<()>) {
        let Some(reporter) = &mut self.reporter else { return };
        if let Err(error) = tell(reporter.as_mut()) {
            self.reporter = None;
            self.screen.note(&format!("warning: the run goes on, and can no longer be shown here: {error}"));
        }
    }
}

impl Watch for Shown<'_> {
    fn event(&mut self, plan: &Plan, run: &Run, event: &Event) {
        self.tell(|r| r.event(plan, run, event));
    }

    fn typed(&mut self, plan: &Plan, run: &Run, line: &str) -> Option<Input> {
        self.tell(|r| r.typed(line));
        let by = self.who.clone();
        let told = match typed(plan, run, line) {
            Ok(Typed::Say(say)) => return Some(Input::Say { key: new_key(), by, say }),
            Ok(Typed::Pause) => return Some(Input::Halt { by, reason: "typed `pause`".into() }),
            Ok(Typed::Rollback(to)) => match plan.rollback(to.as_deref()) {
                Some(_) => return Some(Input::Rollback { by, to, resumes: false }),
                None => format!("the plan has no rollback `{}`", to.unwrap_or_default()),
            },
            Ok(Typed::Help(text)) | Err(text) => text,
        };
        self.tell(|r| r.say(&told));
        None
    }

    fn live(&mut self, plan: &Plan, run: &Run, live: &Live) {
        self.tell(|r| r.live(plan, run, live));
    }

    fn tick(&mut self, plan: &Plan, run: &Run, now: Timestamp) {
        self.tell(|r| r.tick(plan, run, now));
    }
}

/// A run that is about to go on in this process.
pub(super) struct Start<'p> {
    pub(super) plan: &'p Plan,
    pub(super) run: Run,
    pub(super) journal: RunJournal,
    pub(super) dir: PathBuf,
    pub(super) inputs: Vec<Input>,
    /// The process ends while nothing is to be done.
    pub(super) parks: bool,
}

/// Runs until the end, or until somebody halts it. The secrets were read before anything was written down.
pub(super) async fn go(start: Start<'_>, vault: Vault, arguments: &LiveArguments, screen: &Screen) -> Exit {
    let Start { plan, run, journal, dir, inputs, parks } = start;
    let (live, lines) = mpsc::channel(LINES);
    let folder = journal.folder();
    let output = folder.join("output");
    let world = Arc::new(World::new(plan, vault, &dir, &folder, live));
    let signals = listen(arguments.output);
    let (clock, behind) = Clock::not_before(run.now);
    if let Some(behind) = behind {
        let behind = crate::value::duration_text(jiff::SignedDuration::from_secs(behind.as_secs()));
        screen.note(&format!(
            "warning: the clock of this machine is {behind} behind the record of the run; times go on from the record"
        ));
    }
    let mut shown = Shown { reporter: Some(arguments.reporter(screen)), screen, who: arguments.who() };
    let driver = Driver::new(plan, run, journal, world, &mut shown, &clock, parks);
    let outcome = driver.drive(inputs, lines, signals, &arguments.who()).await;
    match outcome {
        Ok(run) => {
            shown.tell(|r| r.end(plan, &run, clock.now()));
            let went_well = run.ending() == Some(Ending::Completed) || run.parked.is_some();
            if !went_well && arguments.output != Output::Json && output.is_dir() {
                screen.note(&format!("what the commands printed is in {}", output.display()));
            }
            exit_of(&run)
        }
        Err((run, DriveError::Killed)) => {
            shown.tell(|r| r.end(plan, &run, clock.now()));
            screen.error(
                "everything was killed at once; what was running is in doubt, and `runbook resume` deals with it",
            );
            Exit::Paused
        }
        Err((run, DriveError::Journal(error))) => {
            // What could not be written down did not happen.
            let state = folder.ancestors().nth(2).unwrap_or(&folder);
            if let Ok(written) = Embedded::open(state).and_then(|store| store.read(&run.id)) {
                let written = written.run();
                shown.tell(|r| r.end(plan, &written, clock.now()));
            }
            screen.error(&format!(
                "nothing can be written down any more, so nothing more was started and what ran was stopped: {error}. \
                 What is in the journal is true; what was running is in doubt. Mend it, then `runbook resume {}`",
                run.id
            ));
            Exit::Paused
        }
    }
}

/// Signals that halt a run: the first halts, the second kills; and what is typed at its terminal.
fn listen(output: Output) -> mpsc::Receiver<Signal> {
    let (tell, signals) = mpsc::channel(4);
    if is_typed_to() && output != Output::Json {
        let tell = tell.clone();
        // It ends with the process: nothing else can wake it.
        std::thread::spawn(move || {
            for line in std::io::stdin().lines() {
                let Ok(line) = line else { break };
                if tell.blocking_send(Signal::Typed(line)).is_err() {
                    break;
                }
            }
        });
    }
    for (kind, wish) in [
        (SignalKind::interrupt(), Signal::Halt("Ctrl-C".into())),
        (SignalKind::terminate(), Signal::Halt("SIGTERM".into())),
        (SignalKind::hangup(), Signal::Gone),
    ] {
        // Whoever started it with `nohup` wants it to go on without its terminal.
        if wish == Signal::Gone && ignores_hangup() {
            continue;
        }
        let Ok(mut stream) = signal(kind) else { continue };
        let tell = tell.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                if tell.send(wish.clone()).await.is_err() {
                    break;
                }
            }
        });
    }
    signals
}

/// Whether this process was started with SIGHUP ignored; by Linux's list of what it ignores.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// Whether somebody can type to this process: a process in the background would be stopped by its terminal.
fn is_typed_to() -> bool {
    let stdin = std::io::stdin();
    let foreground = rustix::termios::tcgetpgrp(&stdin).is_ok_and(|group| group == rustix::process::getpgrp());
    stdin.is_terminal() && std::io::stderr().is_terminal() && foreground
}

/// The exit code of a run.
pub(super) fn exit_of(run: &Run) -> Exit {
    match run.ending() {
        Some(Ending::Completed) => Exit::Done,
        Some(Ending::CompletedWithReservations) => Exit::Reservations,
        Some(Ending::RolledBack) => Exit::RolledBack,
        Some(Ending::Unhealthy) => Exit::Unhealthy,
        Some(Ending::Stuck) => Exit::Stuck,
        Some(Ending::Stopped) => Exit::Stopped,
        Some(Ending::Locked) => Exit::Locked,
        None => Exit::Paused,
    }
}

/// A runtime for one run.
pub(super) fn runtime(screen: &Screen) -> Option<tokio::runtime::Runtime> {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => Some(runtime),
        Err(error) => {
            screen.error(&format!("the machine gives no means to wait: {error}"));
            None
        }
    }
}

/// Reads the secrets of a plan. Says why not, if that does not work: then nothing has been started.
pub(super) async fn secrets(plan: &Plan, dir: &Path, screen: &Screen) -> Option<Vault> {
    match Vault::read(&plan.secrets, dir, &plan.runbook.inherit).await {
        Ok(vault) => {
            let unusable = unusable_channels(plan, &vault);
            unusable.iter().for_each(|why| screen.error(&format!("{why}; nothing was started")));
            unusable.is_empty().then_some(vault)
        }
        Err(error) => {
            screen.error(&format!("{error}; nothing was started"));
            None
        }
    }
}
