//! What the release is about: for the plan, the notes and whoever has to decide.

use indexmap::IndexMap;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::serial;

/// What is released.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "each is a setting of the language")]
pub struct Release {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", with = "serial::optional_duration")]
    pub downtime: Option<SignedDuration>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub goals: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub describe: Option<String>,
}

/// An entry of the scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct ScopeItem {
    pub sort: String,
    pub title: String,
    #[serde(skip_serializing_if = "IndexMap::is_empty", default)]
    pub settings: IndexMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub describe: Option<String>,
}

/// A risk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each is a setting of the language")]
pub struct Risk {
    pub id: String,
    pub title: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub probability: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub impact: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub mitigation: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub contingency: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub covered_by: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub describe: Option<String>,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each is a setting of the language")]
pub struct Role {
    pub id: String,
    pub title: String,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub members: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub backup: Vec<String>,
    #[serde(skip_serializing_if = "IndexMap::is_empty", default)]
    pub contact: IndexMap<String, String>,
    /// The channels through which they are asked.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub reach: Vec<String>,
    /// Whoever starts a run may also approve it in this role.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub answers_own: bool,
    /// Who is on duty or away, and when.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub duties: Vec<super::Duty>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub describe: Option<String>,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct Link {
    pub id: String,
    pub title: String,
    pub url: String,
}
