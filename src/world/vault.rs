//! Secrets: read at the start of a run, kept in memory, never printed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use secrecy::{ExposeSecret, SecretString};

use crate::plan::{Secret, SecretSource};

use super::mask::{Mask, SHORTEST};

/// How long a command may take that prints a secret.
const EXEC_LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

/// Why a secret could not be read.
#[derive(Debug)]
pub struct SecretError {
    /// Which.
    pub name: String,
    /// Why, without a word of what it is.
    pub why: String,
}

impl std::fmt::Display for SecretError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the secret `{}` cannot be read: {}", self.name, self.why)
    }
}

/// The secrets of a run.
#[derive(Default)]
pub struct Vault {
    secrets: Mutex<BTreeMap<String, SecretString>>,
    mask: Mask,
}

impl Vault {
    /// Reads every secret of a plan.
    ///
    /// # Errors
    /// Says which secret could not be read and why. Then nothing has been started.
    pub async fn read(secrets: &[Secret], dir: &Path, inherit: &[String]) -> Result<Self, SecretError> {
        let vault = Vault::default();
        for secret in secrets {
            vault.take(secret, dir, inherit).await.map_err(|why| SecretError { name: secret.name.clone(), why })?;
        }
        Ok(vault)
    }

    /// Reads and keeps one secret.
    ///
    /// # Errors
    /// Says why it could not be read, without a word of what it is.
    pub async fn take(&self, secret: &Secret, dir: &Path, inherit: &[String]) -> Result<(), String> {
        let text = match &secret.source {
            SecretSource::Env(name) => match std::env::var(name) {
                Ok(text) => text,
                Err(std::env::VarError::NotPresent) => return Err(format!("the variable {name} is not set")),
                Err(std::env::VarError::NotUnicode(_)) => return Err(format!("the variable {name} is not UTF-8")),
            },
            SecretSource::File(path) => match tokio::fs::read_to_string(dir.join(path)).await {
                Ok(text) => without_line_end(text),
                Err(error) => return Err(format!("the file {path}: {error}")),
            },
            SecretSource::Exec(words) => without_line_end(exec(words, dir, inherit).await?),
        };
        if text.chars().count() < SHORTEST {
            return Err(format!("it is shorter than {SHORTEST} characters, and would be found in everything"));
        }
        self.keep(&secret.name, &text);
        Ok(())
    }

    /// Keeps a secret under a name, and masks it from now on.
    pub(super) fn keep(&self, name: &str, text: &str) {
        if text.len() >= SHORTEST {
            self.mask.add(text);
        }
        let secret = SecretString::from(text.to_owned());
        match self.secrets.lock() {
            Ok(mut secrets) => drop(secrets.insert(name.to_owned(), secret)),
            Err(poisoned) => drop(poisoned.into_inner().insert(name.to_owned(), secret)),
        }
    }

    /// The secret of a name, for the moment at which it is handed over.
    pub(super) fn expose(&self, name: &str) -> Option<String> {
        let secrets = match self.secrets.lock() {
            Ok(secrets) => secrets,
            Err(poisoned) => poisoned.into_inner(),
        };
        secrets.get(name).map(|s| s.expose_secret().to_owned())
    }

    /// What masks these secrets.
    pub fn mask(&self) -> &Mask {
        &self.mask
    }
}

fn without_line_end(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

/// What a command prints. Its standard error is not shown: nobody knows what is in it.
async fn exec(words: &[String], dir: &Path, inherit: &[String]) -> Result<String, String> {
    let [program, arguments @ ..] = words else { return Err("there is no command".into()) };
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).current_dir(dir).env_clear().envs(super::process::clean_environment(inherit));
    command.stdin(std::process::Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(EXEC_LIMIT, command.output()).await;
    match output {
        Err(_) => Err(format!("`{program}` did not end within a minute")),
        Ok(Err(error)) => Err(format!("`{program}` cannot be started: {error}")),
        Ok(Ok(output)) if !output.status.success() => Err(format!("`{program}` ended with {}", output.status)),
        Ok(Ok(output)) => {
            String::from_utf8(output.stdout).map_err(|_| format!("what `{program}` printed is not UTF-8"))
        }
    }
}
