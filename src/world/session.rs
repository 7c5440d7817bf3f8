//! The processes of a session: a command and everything it started, ended as a whole.
//!
//! Each command is the leader of a session of its own, so it has no terminal to ask on and can be told from everything
//! else. A process that calls setsid(2) itself leaves the session and is no longer ours: that is how a service starts.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// How often it is looked whether a process is gone.
const POLL: Duration = Duration::from_millis(10);

/// So long process ids cannot have gone once around: whoever is younger than the leader has a higher one.
const YOUNG: Duration = Duration::from_secs(1);

/// A session, by the process id of its leader.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    leader: Pid,
    since: Instant,
}

impl Session {
    /// The session that a child leads.
    pub(super) fn of(leader: u32) -> Option<Self> {
        let leader = Pid::from_raw(i32::try_from(leader).ok()?)?;
        Some(Session { leader, since: Instant::now() })
    }

    /// A session that was led by a process of this identity, unless that process id is another's by now.
    pub(super) fn found(leader: i32, identity: &str) -> Option<Self> {
        let same_machine = identity.split_once(' ')?.1 == boot_id()?;
        // While anybody of the session lives, nobody else gets the process id of its leader.
        let same = same_machine && started(leader).is_none_or(|ticks| identity.starts_with(&format!("{ticks} ")));
        let since = Instant::now().checked_sub(YOUNG)?;
        same.then(|| Pid::from_raw(leader)).flatten().map(|leader| Session { leader, since })
    }

    /// The process id of the leader.
    pub(super) fn leader(self) -> i32 {
        self.leader.as_raw_nonzero().get()
    }

    /// When the leader was started and in which life of the machine: no two processes have both and the process id.
    /// Nothing where the system does not say it.
    pub(super) fn identity(self) -> Option<String> {
        Some(format!("{} {}", started(self.leader())?, boot_id()?))
    }

    /// Whether anybody of it lives.
    pub(super) fn is_alive(self) -> bool {
        !self.members().is_empty()
    }

    /// Sends a signal to every process of the session.
    pub(super) fn signal(self, signal: Signal) {
        // The group first, in one system call; then whoever has made a group of its own. Who is gone is gone.
        let _gone = kill_process_group(self.leader, signal);
        for member in self.members() {
            let _gone = kill_process(member, signal);
        }
    }

    /// Waits until nobody is left, at most so long. Says whether that came true.
    pub(super) async fn gone_within(self, limit: Duration) -> bool {
        let mut waited = Duration::ZERO;
        while !self.members().is_empty() {
            if waited >= limit {
                return false;
            }
            tokio::time::sleep(POLL).await;
            waited += POLL;
        }
        true
    }

    /// Ends whoever is left: first asked, then not.
    pub(super) async fn end(self, grace: Duration) {
        if self.members().is_empty() {
            return;
        }
        self.signal(Signal::TERM);
        if !self.gone_within(grace).await {
            self.kill().await;
        }
    }

    /// Ends everybody at once.
    pub(super) async fn kill(self) {
        // A process may fork while it is being counted: until nobody is left.
        for _ in 0..100 {
            self.signal(Signal::KILL);
            if self.gone_within(POLL * 2).await {
                return;
            }
        }
    }

    /// The living processes of the session. A zombie is dead; it only waits to be counted.
    #[cfg(target_os = "linux")]
    fn members(self) -> Vec<Pid> {
        let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
        let leader = self.leader();
        let youngest = if self.since.elapsed() < YOUNG { youngest() } else { None };
        // Most commands are over before anybody else has started: then there is nobody to look at.
        let from = youngest.filter(|youngest| *youngest >= leader).map_or(0, |_| leader);
        entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
            .filter(|pid| *pid >= from && lives_in(*pid, leader))
            .filter_map(Pid::from_raw)
            .collect()
    }

    /// Elsewhere only the group can be seen.
    #[cfg(not(target_os = "linux"))]
    fn members(self) -> Vec<Pid> {
        match rustix::process::test_kill_process_group(self.leader) {
            Ok(()) => vec![self.leader],
            Err(_) => Vec::new(),
        }
    }
}

/// The process id that was given last, by proc_loadavg(5): its last field.
#[cfg(target_os = "linux")]
#[allow(clippy::disallowed_methods, reason = "the kernel's own list of processes")]
fn youngest() -> Option<i32> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_ascii_whitespace().last()?.parse().ok()
}

/// Whether a process lives and belongs to a session, by proc_pid_stat(5): the state is the first field behind the name
/// in parentheses, the session the fourth.
#[cfg(target_os = "linux")]
#[allow(clippy::disallowed_methods, reason = "the kernel's own list of processes")]
fn lives_in(pid: i32, session: i32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    let Some((_, fields)) = stat.rsplit_once(')') else { return false };
    let mut fields = fields.split_ascii_whitespace();
    let alive = fields.next().is_some_and(|state| !matches!(state, "Z" | "X"));
    alive && fields.nth(2).and_then(|f| f.parse::<i32>().ok()) == Some(session)
}

/// When a process was started, in ticks since the machine was, by proc_pid_stat(5): field 22.
#[cfg(target_os = "linux")]
#[allow(clippy::disallowed_methods, reason = "the kernel's own list of processes")]
fn started(pid: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// A name for this life of the machine, by random(4).
#[cfg(target_os = "linux")]
#[allow(clippy::disallowed_methods, reason = "a file of the kernel")]
fn boot_id() -> Option<&'static str> {
    static ID: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let read = || Some(std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned());
    ID.get_or_init(read).as_deref()
}

#[cfg(not(target_os = "linux"))]
fn started(_pid: i32) -> Option<u64> {
    None
}

#[cfg(not(target_os = "linux"))]
fn boot_id() -> Option<&'static str> {
    None
}
