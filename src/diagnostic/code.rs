//! The one table of codes. A code never changes its meaning; a retired one is never used again.

use super::Severity;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $id:literal $severity:ident $title:literal;)*) => {
        /// The stable code of a finding. The first digit says what it is about: `RB0xx` syntax, `1xx` names, `2xx`
        /// types and units, `3xx` time, `4xx` the way back, `5xx` people, `6xx` secrets and commands, `7xx` advice, `8xx` rehearsal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "each has a title here and a page in docs/errors")]
        pub enum Code { $($(#[$doc])* $name),* }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Code] = &[$(Code::$name),*];

            /// As it is shown: `RB401`.
            pub fn id(self) -> &'static str {
                match self { $(Code::$name => $id),* }
            }

            /// What it is about, in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Code::$name => $title),* }
            }

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self { $(Code::$name => Severity::$severity),* }
            }

            /// Its page: what it finds, why that matters, a failing and a mended example.
            pub fn page(self) -> &'static str {
                match self { $(Code::$name => include_str!(concat!("../../docs/errors/", $id, ".md"))),* }
            }
        }
    };
}

codes! {
    Unexpected = "RB001" Error "something that does not fit here";
    UnclosedString = "RB002" Error "a string that is never closed";
    UnclosedBlock = "RB003" Error "a bracket that is never closed";
    StrayBrace = "RB004" Error "a closing brace too many";
    UnknownKeyword = "RB005" Error "a word that begins no statement";
    WrongForm = "RB006" Error "the right words in the wrong form";
    TooDeep = "RB007" Error "nesting deeper than 64 levels";
    TooLarge = "RB008" Error "a file larger than 1 MiB";
    ReservedId = "RB011" Error "a reserved word as a name";
    IdForm = "RB012" Error "a name that is not snake_case";
    BadEscape = "RB013" Error "an escape that does not exist";
    AmbiguousFor = "RB014" Error "a `for` that could belong to two conditions";
    ChainedComparison = "RB015" Error "a comparison of three things";
    Misplaced = "RB016" Error "a statement in the wrong place";
    NotYet = "RB017" Error "something that this version does not run yet";
    Repeated = "RB018" Error "something said twice";
    Missing = "RB019" Error "something that must be said";
    UnknownName = "RB101" Error "a name that nothing has";
    DuplicateName = "RB102" Error "one name for two things";
    WrongKind = "RB103" Error "a name of the wrong kind of thing";
    UnknownSetting = "RB104" Error "a setting that does not exist";
    UnknownKind = "RB105" Error "a kind that does not exist";
    Unused = "RB106" Warning "something declared and never used";
    NotKnownHere = "RB107" Error "a value that is not known at that point";
    Cycle = "RB109" Error "something that depends on itself";
    Import = "RB110" Error "a file that cannot be imported";
    Mismatch = "RB201" Error "a value of the wrong type";
    UnknownUnit = "RB202" Error "a unit that does not exist";
    BareNumber = "RB203" Error "a number without its unit";
    AmbiguousPercent = "RB204" Error "a percent of a percent";
    BadLiteral = "RB205" Error "a literal that has no value";
    Arguments = "RB206" Error "a function called in the wrong way";
    Constant = "RB207" Error "a condition that is always the same";
    MarksOrder = "RB208" Error "marks in the wrong order";
    KindMisfit = "RB209" Error "a kind of release that its versions are not";
    PhaseOrder = "RB301" Error "phases out of order";
    OffsetsBackwards = "RB302" Error "offsets that run backwards";
    TakesTooLong = "RB303" Error "something that needs longer than it may";
    NeedsStart = "RB304" Error "a moment before T+0 without a start";
    NeverFires = "RB305" Error "a trigger that can never fire";
    Crowded = "RB306" Warning "something that is late every time";
    StartOutside = "RB307" Error "a start at which nothing may start";
    MissingUndo = "RB401" Error "a changing step that does not say how it is undone";
    UndoOutsideLive = "RB402" Error "a way back where nothing is rolled back";
    EmptyUndo = "RB403" Error "an undo that does nothing";
    UndoCapture = "RB404" Error "an undo that needs what may not be there";
    RollbackOutsideLive = "RB405" Error "a rollback where nothing is rolled back";
    StopAfterChange = "RB406" Error "a stop that would leave changes behind";
    GateChanges = "RB407" Error "a gate that changes something";
    LooseGate = "RB408" Warning "a gate looser than a trigger";
    WayBackTooLong = "RB409" Error "a way back that takes longer than it may";
    NobodyThere = "RB501" Error "a question to nobody";
    NotReached = "RB502" Warning "a question that reaches nobody";
    TooFewPeople = "RB503" Error "a question that too few people could answer";
    SecretLeak = "RB601" Error "a secret where it would be seen";
    ShellWords = "RB602" Error "a shell's characters in a command that has no shell";
    OptionInjection = "RB603" Error "a value that could be read as an option";
    UrlStart = "RB604" Error "a URL that begins with something that is not a `url`";
    SecretSource = "RB605" Error "a secret that is read from nowhere";
    ShellName = "RB606" Warning "a script that uses a name of the runbook";
    Hidden = "RB607" Error "a text that reads otherwise than it is";
    SpacedByOffsets = "RB701" Advice "changes that only the clock keeps apart";
    NobodyTold = "RB702" Advice "a rollback that nobody is told of";
    RiskUncovered = "RB703" Advice "a high risk that nothing answers";
    StrategyMisfit = "RB704" Advice "a strategy without what it needs";
    IdleAllow = "RB705" Warning "an allow that allows nothing";
    NeverAsked = "RB706" Advice "a level of an escalation that is never asked";
    Unmet = "RB801" Error "a scenario that does not go as it expects";
    StuckUnheard = "RB802" Error "a way back that is stuck, and nobody is told";
    LeftBehind = "RB803" Error "a change that is neither undone nor excused";
    WaitUnheard = "RB804" Warning "a wait of which nobody hears";
}

/// What a group of codes is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area(pub &'static str);

impl Code {
    /// The group of the code.
    pub fn area(self) -> Area {
        Area(match &self.id()[2..3] {
            "0" => "syntax",
            "1" => "names",
            "2" => "types and units",
            "3" => "time",
            "4" => "the way back",
            "5" => "people",
            "6" => "secrets and commands",
            "8" => "rehearsal",
            _ => "advice",
        })
    }

    /// The code of an id, in either case.
    pub fn from_id(id: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|c| c.id().eq_ignore_ascii_case(id))
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}
