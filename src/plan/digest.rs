//! The digest of a plan, and plans in files.

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::Plan;

/// The version of the plan's shape.
pub const FORMAT: u32 = 1;

/// Why a plan's file cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub enum PlanFileError {
    /// It is not a plan.
    NotAPlan(String),
    /// It was written by another version.
    Format(u64),
    /// It was changed after it was written.
    Changed,
}

impl std::fmt::Display for PlanFileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PlanFileError::NotAPlan(why) => write!(f, "it is not a plan: {why}"),
            PlanFileError::Format(found) => {
                write!(
                    f,
                    "it has format {found}, and this version writes and reads format {FORMAT}; make the plan again"
                )
            }
            PlanFileError::Changed => f.write_str("its digest does not fit: it was changed after it was written"),
        }
    }
}

/// The digest that approvals name: the first 16 hexadecimal digits of the SHA-256 of the plan as JSON.
pub fn digest(plan: &Plan) -> String {
    let json = serde_json::to_vec(plan).expect("a plan has text for keys, so it is JSON");
    let hash = Sha256::digest(&json);
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The text of a plan's file: the plan and its digest.
pub fn write(plan: &Plan) -> String {
    let document = serde_json::json!({ "digest": digest(plan), "plan": plan });
    let mut text = serde_json::to_string_pretty(&document).expect("a plan has text for keys, so it is JSON");
    text.push('\n');
    text
}

/// Reads a plan's file back.
///
/// # Errors
/// Says why it is not one, or not this version's, or not as it was written.
pub fn read(text: &str) -> Result<Plan, PlanFileError> {
    let document: Json = serde_json::from_str(text).map_err(|e| PlanFileError::NotAPlan(e.to_string()))?;
    let plan = document.get("plan").ok_or_else(|| PlanFileError::NotAPlan("there is no `plan` in it".into()))?;
    match plan.get("format").and_then(Json::as_u64) {
        Some(format) if format == u64::from(FORMAT) => {}
        Some(format) => return Err(PlanFileError::Format(format)),
        None => return Err(PlanFileError::NotAPlan("it names no format".into())),
    }
    let plan: Plan = serde_json::from_value(plan.clone()).map_err(|e| PlanFileError::NotAPlan(e.to_string()))?;
    match document.get("digest").and_then(Json::as_str) {
        Some(written) if written == digest(&plan) => Ok(plan),
        _ => Err(PlanFileError::Changed),
    }
}
