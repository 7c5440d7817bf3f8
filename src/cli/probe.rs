//! `runbook run --dry-run --probe`: whether everything is there that the plan needs.

use std::path::Path;
use std::sync::Arc;

use crate::paint::{Paint, pad};
use crate::plan::Plan;
use crate::source::one_line;
use crate::world::{Probed, Readiness, Stop, Vault, World, secret_place};

use super::Exit;
use super::live::runtime;
use super::screen::Screen;

/// The longest name that keeps the columns in line.
const NAME: usize = 24;

pub(super) fn main(plan: &Plan, screen: &Screen) -> Exit {
    let Some(runtime) = runtime(screen) else { return Exit::Fault };
    let found = (|| {
        let dir = std::env::current_dir().map_err(|e| format!("the current folder: {e}"))?;
        let folder = tempfile::tempdir().map_err(|e| format!("a temporary folder: {e}"))?;
        Ok(runtime.block_on(probe(plan, &dir, folder.path())))
    })();
    match found {
        Ok(None) => {
            screen.note("the probe was stopped");
            Exit::Stopped
        }
        Ok(Some(found)) => {
            screen.print(&table(&found, screen.out));
            if found.iter().any(|p| p.readiness == Readiness::Missing) { Exit::Findings } else { Exit::Done }
        }
        Err::<_, String>(why) => {
            screen.error(&why);
            Exit::Usage
        }
    }
}

async fn probe(plan: &Plan, dir: &Path, folder: &Path) -> Option<Vec<Probed>> {
    let vault = Vault::default();
    let mut found = Vec::new();
    for secret in &plan.secrets {
        let place = secret_place(&secret.source);
        found.push(match vault.take(secret, dir, &plan.runbook.inherit).await {
            Ok(()) => Probed::new("secret", &secret.name, Readiness::Ready, format!("was read {place}")),
            Err(why) => Probed::new("secret", &secret.name, Readiness::Missing, why),
        });
    }
    // Heard before anything is started: a signal in the first moment is one too.
    let signals = {
        use tokio::signal::unix::{SignalKind, signal};
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()))
    };
    let (live, mut lines) = tokio::sync::mpsc::channel(64);
    let world = Arc::new(World::new(plan, vault, dir, folder, live));
    let (stop, stopper) = tokio::sync::watch::channel(Stop::No);
    let looking = world.probe(plan, stopper);
    tokio::pin!(looking);
    let stopped = async {
        match signals {
            (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) => tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            },
            _ => std::future::pending().await,
        }
    };
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            rest = &mut looking => {
                found.extend(rest);
                return Some(found).filter(|_| *stop.borrow() == Stop::No);
            }
            // Nothing that it has started goes on without it.
            () = &mut stopped, if *stop.borrow() == Stop::No => {
                stop.send_replace(Stop::Gently);
            }
            // What is printed is not shown.
            Some(_) = lines.recv() => {}
        }
    }
}

fn table(found: &[Probed], paint: Paint) -> String {
    let mut text = format!("\n{}\n", paint.bold("Probe: what is there now"));
    let wide = found.iter().map(|p| p.name.chars().count()).max().unwrap_or(0).min(NAME);
    for probed in found {
        let sign = match probed.readiness {
            Readiness::Ready => paint.good("✓"),
            Readiness::Remark => paint.warn("!"),
            Readiness::Unknown => paint.dim("?"),
            Readiness::Missing => paint.bad("✗"),
        };
        let name = pad(&one_line(&probed.name), wide);
        let lead = format!("  {sign} {} {}  ", pad(probed.sort, 8), paint.name(name));
        let indent = 4 + 9 + wide.max(crate::paint::columns(&one_line(&probed.name))) + 2;
        let room = paint.width.saturating_sub(indent).max(24);
        for (i, line) in crate::paint::wrap(&one_line(&probed.text), room).iter().enumerate() {
            let before = if i == 0 { lead.clone() } else { " ".repeat(indent) };
            text.push_str(&format!("{before}{line}\n"));
        }
    }
    let count = |readiness| found.iter().filter(|p| p.readiness == readiness).count();
    let ready = count(Readiness::Ready);
    let mut rest = Vec::new();
    for (n, what) in [
        (count(Readiness::Missing), "not ready"),
        (count(Readiness::Remark), "to be looked at"),
        (count(Readiness::Unknown), "only known during the run"),
    ] {
        if n > 0 {
            rest.push(format!("{n} {what}"));
        }
    }
    let rest = if rest.is_empty() { String::new() } else { format!("; {}", rest.join(", ")) };
    text.push_str(&format!("\n{ready} of {} ready{rest}. Nothing was changed.\n", found.len()));
    text
}
