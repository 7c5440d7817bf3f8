//! Values of variables: `--var`, `--var-file`, `RUNBOOK_VAR_…`.

use std::path::PathBuf;

use crate::plan::{DEFAULT_ORIGIN, Given, GivenValue, Inputs, Plan};

use super::files;

/// The prefix of variables of the environment that give variables of a runbook their values.
const PREFIX: &str = "RUNBOOK_VAR_";

#[derive(Debug, Default, clap::Args)]
pub(super) struct VarArguments {
    /// Give a variable its value
    #[arg(long = "var", value_name = "NAME=VALUE")]
    vars: Vec<String>,
    /// Give variables the values in a TOML or JSON file
    #[arg(long = "var-file", value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Everything that was given: the environment first, then files, then the command line; the last one counts.
pub(super) fn given(arguments: &VarArguments) -> Result<Vec<Given>, String> {
    let mut values = Vec::new();
    for (name, value) in std::env::vars_os() {
        let (Some(name), Some(value)) = (name.to_str().map(str::to_owned), value.to_str().map(str::to_owned)) else {
            continue;
        };
        if let Some(variable) = name.strip_prefix(PREFIX) {
            let (variable, origin) = (variable.to_lowercase(), name.clone());
            values.push(Given { name: variable, value: GivenValue::Text(value), origin, strict: false });
        }
    }
    for path in &arguments.files {
        let origin = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|e| format!("{origin}: {e}"))?;
        let json: serde_json::Value = if path.extension().is_some_and(|e| e == "json") {
            serde_json::from_str(&text).map_err(|e| format!("{origin} is not JSON: {e}"))?
        } else {
            let toml: toml::Table =
                toml::from_str(&text).map_err(|e| format!("{origin} is not TOML: {}", e.message()))?;
            serde_json::to_value(toml).map_err(|e| format!("{origin}: {e}"))?
        };
        let serde_json::Value::Object(entries) = json else { return Err(format!("{origin} has no names in it")) };
        for (name, value) in entries {
            values.push(Given { name, value: GivenValue::Json(value), origin: origin.clone(), strict: true });
        }
    }
    for var in &arguments.vars {
        let Some((name, value)) = var.split_once('=') else {
            return Err(format!("--var {var}: write --var NAME=VALUE"));
        };
        let (name, value) = (name.trim().to_owned(), GivenValue::Text(value.to_owned()));
        values.push(Given { name, value, origin: "--var".into(), strict: true });
    }
    Ok(values)
}

/// The values with which a plan was made, to be given again; what was a default may be another one now.
pub(super) fn recorded(plan: &Plan) -> Vec<Given> {
    let given = plan.inputs.iter().filter(|input| input.origin != DEFAULT_ORIGIN);
    given
        .map(|input| Given {
            name: input.name.clone(),
            value: GivenValue::Known(input.value.clone()),
            origin: input.origin.clone(),
            strict: false,
        })
        .collect()
}

/// The inputs of a plan.
pub(super) fn inputs(values: Vec<Given>) -> Inputs<'static> {
    #[allow(clippy::disallowed_methods, reason = "a runbook that names no zone means the machine's")]
    let zone = jiff::tz::TimeZone::system().iana_name().unwrap_or("UTC").to_owned();
    Inputs { values, files: &files::glob, zone, start: None }
}
