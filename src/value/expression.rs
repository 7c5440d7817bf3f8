//! Expressions whose names are resolved and whose types are known.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::Value;

/// An expression. It serialises, because plans carry what cannot be known before the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expr {
    /// A value that is known.
    Value(Value),
    /// Something that is looked up.
    Ref(Ref),
    /// A string with values in it.
    Template(Vec<Part>),
    /// A list.
    List(Vec<Expr>),
    /// A map, in order.
    Map(Vec<(String, Expr)>),
    /// `a.b`
    Member(Box<Expr>, String),
    /// `a[0]`, `m[key]`
    Index(Box<Expr>, Box<Expr>),
    /// `not a`
    Not(Box<Expr>),
    /// `-a`
    Negate(Box<Expr>),
    /// `a and b`, `a or b`
    Logic(Logic, Vec<Expr>),
    /// `a < b`
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// `a + b`
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    /// `3x baseline`
    Scale(f64, Box<Expr>),
    /// A call of a built-in function.
    Call(Function, Vec<Expr>),
    /// `condition for D`: whether it has held. The number names its span within the condition.
    Held {
        /// Which `for` of the condition, from 0.
        id: u32,
        /// What must be true.
        condition: Box<Expr>,
        /// For how long; becomes a value when the plan is made.
        span: Box<Expr>,
    },
    /// `when STEP runs D`
    Runs {
        /// The step's id; becomes the instance's when the plan is made.
        step: String,
        /// For how long.
        span: Box<Expr>,
    },
    /// Something that has no meaning; the checker has said why.
    Error,
}

/// A piece of a string.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Text as it stands.
    Text(String),
    /// A value that is put there.
    Value(Expr),
}

/// Something that is looked up: what sort of thing, and its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ref {
    /// What sort of thing.
    pub kind: RefKind,
    /// Its name; of a capture `step.name`, of a word `release.version`.
    pub name: String,
}

/// The sorts of things that an expression can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefKind {
    /// A `var`.
    Var,
    /// A `let`.
    Let,
    /// The variable of a `for`.
    Loop,
    /// A parameter of a gate.
    Param,
    /// A `secret`.
    Secret,
    /// A `fact`.
    Fact,
    /// A captured value.
    Capture,
    /// A metric's newest sample.
    Metric,
    /// A metric's baseline.
    Baseline,
    /// A gate's verdict.
    Gate,
    /// A flag's value.
    Flag,
    /// An answer of a person.
    Answer,
    /// What an action printed or answered: `exit stdout stderr status body latency`.
    Output,
    /// A word of the catalogue: `release.version`, `execution.started`, `event.reason`, `ROLE.members`, `link.NAME`.
    Word,
}

impl RefKind {
    /// Whether it is looked at again and again while something watches it.
    pub fn is_watched(self) -> bool {
        matches!(self, RefKind::Metric | RefKind::Gate | RefKind::Flag)
    }
}

/// `and` and `or`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Logic {
    /// All of them.
    And,
    /// Any of them.
    Or,
}

/// The comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `=~`: the text on the left contains a match of the regular expression on the right.
    Matches,
    /// `in`: the list on the right has the value on the left.
    In,
}

impl Comparison {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Comparison::Equal => "==",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::AtMost => "<=",
            Comparison::Greater => ">",
            Comparison::AtLeast => ">=",
            Comparison::Matches => "=~",
            Comparison::In => "in",
        }
    }

    /// The comparison of a symbol.
    pub fn from_symbol(symbol: &str) -> Option<Self> {
        use Comparison::*;
        [Equal, NotEqual, Less, AtMost, Greater, AtLeast, Matches, In].into_iter().find(|c| c.symbol() == symbol)
    }
}

/// The four operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}

impl Arithmetic {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
            Arithmetic::Multiply => "*",
            Arithmetic::Divide => "/",
        }
    }
}

/// The built-in functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each is a word of the language and described in its reference")]
pub enum Function {
    Getenv,
    File,
    Exec,
    Files,
    Json,
    Header,
    Upper,
    Lower,
    Trim,
    Len,
    Join,
    Min,
    Max,
    FormatTime,
    LastRollback,
    Segment,
    /// The share that a command printed: `25%`, `25`, `on`, `off`. Plans have it, files have not.
    Share,
}

impl Function {
    /// All of them, for suggestions.
    pub const ALL: [Function; 16] = {
        use Function::*;
        [
            Getenv,
            File,
            Exec,
            Files,
            Json,
            Header,
            Upper,
            Lower,
            Trim,
            Len,
            Join,
            Min,
            Max,
            FormatTime,
            LastRollback,
            Segment,
        ]
    };

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Function::Getenv => "getenv",
            Function::File => "file",
            Function::Exec => "exec",
            Function::Files => "files",
            Function::Json => "json",
            Function::Header => "header",
            Function::Upper => "upper",
            Function::Lower => "lower",
            Function::Trim => "trim",
            Function::Len => "len",
            Function::Join => "join",
            Function::Min => "min",
            Function::Max => "max",
            Function::FormatTime => "format_time",
            Function::LastRollback => "last_rollback",
            Function::Share => "share",
            Function::Segment => "segment",
        }
    }

    /// The function of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Function::ALL.into_iter().find(|f| f.name() == name)
    }
}

impl Expr {
    /// A string that is known.
    pub fn text(text: impl Into<String>) -> Self {
        Expr::Value(Value::Text(text.into()))
    }

    /// A duration that is known.
    pub fn duration(duration: SignedDuration) -> Self {
        Expr::Value(Value::Duration(duration))
    }

    /// The value, if it is known.
    pub fn known(&self) -> Option<&Value> {
        match self {
            Expr::Value(value) => Some(value),
            _ => None,
        }
    }

    /// Its elements, if it is a list of values that are all known.
    pub fn known_list(&self) -> Option<Vec<Value>> {
        match self {
            Expr::Value(Value::List(values)) => Some(values.clone()),
            Expr::List(items) => items.iter().map(|item| item.known().cloned()).collect(),
            _ => None,
        }
    }

    /// Calls `visit` with this expression and everything inside it.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        visit(self);
        match self {
            Expr::Value(_) | Expr::Ref(_) | Expr::Error => {}
            Expr::Template(parts) => {
                for part in parts {
                    if let Part::Value(inner) = part {
                        inner.walk(visit);
                    }
                }
            }
            Expr::List(items) | Expr::Logic(_, items) | Expr::Call(_, items) => {
                for item in items {
                    item.walk(visit);
                }
            }
            Expr::Map(entries) => {
                for (_, value) in entries {
                    value.walk(visit);
                }
            }
            Expr::Member(inner, _) | Expr::Not(inner) | Expr::Negate(inner) | Expr::Scale(_, inner) => {
                inner.walk(visit);
            }
            Expr::Index(a, b) | Expr::Compare(_, a, b) | Expr::Arithmetic(_, a, b) => {
                a.walk(visit);
                b.walk(visit);
            }
            Expr::Held { condition, span, .. } => {
                condition.walk(visit);
                span.walk(visit);
            }
            Expr::Runs { span, .. } => span.walk(visit),
        }
    }

    /// Everything that it looks up, in the order in which it is written.
    pub fn refs(&self) -> Vec<&Ref> {
        let mut refs = Vec::new();
        self.walk(&mut |e| {
            if let Expr::Ref(r) = e {
                refs.push(r);
            }
        });
        refs
    }

    /// The names of one kind that it looks up, each once.
    pub fn names(&self, kind: RefKind) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for r in self.refs() {
            if r.kind == kind && !names.contains(&r.name.as_str()) {
                names.push(&r.name);
            }
        }
        names
    }

    /// What is looked at again and again for it: metrics, gates and flags, each once.
    pub fn watched(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for r in self.refs() {
            if r.kind.is_watched() && !names.contains(&r.name.as_str()) {
                names.push(&r.name);
            }
        }
        names
    }

    /// Whether anything is looked at again and again for it.
    pub fn watches(&self) -> bool {
        self.refs().iter().any(|r| r.kind.is_watched())
    }

    /// Whether it looks anything of this kind up.
    pub fn mentions(&self, kind: RefKind) -> bool {
        self.refs().iter().any(|r| r.kind == kind)
    }

    /// Changes every reference by `change`, inside out.
    pub fn map_refs(self, change: &mut dyn FnMut(Ref) -> Expr) -> Expr {
        self.map_inner(&mut |e| match e {
            Expr::Ref(r) => change(r),
            other => other,
        })
    }

    /// Rebuilds it inside out: `change` sees every node after its parts.
    pub fn map_inner(self, change: &mut dyn FnMut(Expr) -> Expr) -> Expr {
        let each = |e: Box<Expr>, change: &mut dyn FnMut(Expr) -> Expr| Box::new(e.map_inner(change));
        let rebuilt = match self {
            Expr::Template(parts) => Expr::Template(
                parts
                    .into_iter()
                    .map(|p| match p {
                        Part::Value(e) => Part::Value(e.map_inner(change)),
                        text => text,
                    })
                    .collect(),
            ),
            Expr::List(items) => Expr::List(items.into_iter().map(|e| e.map_inner(change)).collect()),
            Expr::Logic(op, items) => Expr::Logic(op, items.into_iter().map(|e| e.map_inner(change)).collect()),
            Expr::Call(f, items) => Expr::Call(f, items.into_iter().map(|e| e.map_inner(change)).collect()),
            Expr::Map(entries) => Expr::Map(entries.into_iter().map(|(k, e)| (k, e.map_inner(change))).collect()),
            Expr::Member(e, name) => Expr::Member(each(e, change), name),
            Expr::Not(e) => Expr::Not(each(e, change)),
            Expr::Negate(e) => Expr::Negate(each(e, change)),
            Expr::Scale(n, e) => Expr::Scale(n, each(e, change)),
            Expr::Index(a, b) => Expr::Index(each(a, change), each(b, change)),
            Expr::Compare(op, a, b) => Expr::Compare(op, each(a, change), each(b, change)),
            Expr::Arithmetic(op, a, b) => Expr::Arithmetic(op, each(a, change), each(b, change)),
            Expr::Held { id, condition, span } => {
                Expr::Held { id, condition: each(condition, change), span: each(span, change) }
            }
            Expr::Runs { step, span } => Expr::Runs { step, span: each(span, change) },
            leaf @ (Expr::Value(_) | Expr::Ref(_) | Expr::Error) => leaf,
        };
        change(rebuilt)
    }
}
