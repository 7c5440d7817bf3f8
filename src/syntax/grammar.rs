//! The parser that pest makes from `grammar/runbook.pest`, and words for its rules.
#![allow(missing_docs, reason = "pest derives a rule for each line of the grammar, which describes it")]

use pest_derive::Parser;

/// The parser; its rules are [`Rule`].
#[derive(Parser)]
#[grammar = "../grammar/runbook.pest"]
pub(super) struct Grammar;

/// What a rule is for people: a thing that was expected at a place. Rules with one meaning share their words; rules that
/// only exist to catch mistakes, and those whose parts speak for themselves, have none.
pub(super) fn words(rule: Rule) -> Option<&'static str> {
    use Rule::*;
    Some(match rule {
        id | reserved_id => "a name",
        name | reference => "a name",
        type_name => "a type",
        string | quoted | text_block | raw_block | raw_string | title | quote => "a string",
        block | open_brace => "`{`",
        close_brace => "`}`",
        close_bracket => "`]`",
        close_paren => "`)`",
        comma => "`,`",
        colon => "`:`",
        equals => "`=`",
        EOI | semicolon => "the end of the line",
        expression | negated | comparison | sum | product | unary | scaled | access | paren | list | map | instant
        | date | time_of_day | offset | quantity | kw_not | factor | element => "a value",
        kw_and | kw_or | compare | plus | times | divide | minus | kw_in_a_row => "an operator",
        method => "a method such as `GET`",
        people | quorum | crowd | person | kw_any | kw_all => "people",
        outcome | pause => "`stop`, `continue`, `rollback`, `pause` or a name",
        at_clause | kw_at => "`at`",
        in_clause | kw_in => "`in`",
        within_clause | kw_within => "`within`",
        when_clause | kw_when => "`when`",
        for_clause | kw_for => "`for`",
        until_clause | kw_until => "`until`",
        from_clause | kw_from => "`from`",
        by_clause | kw_by => "`by`",
        with_clause | kw_with => "`with`",
        on_outcome | on_hosts => "`on`",
        kw_to => "`to`",
        kw_else => "`else`",
        kw_every => "`every`",
        kw_after => "`after`",
        kw_backoff => "`backoff`",
        kw_escalate => "`escalate`",
        kw_data => "`data`",
        kw_of => "`of`",
        kw_starts => "`starts`",
        kw_started => "`started`",
        kw_before => "`before`",
        fault => "`fails`, `hangs` or `takes`",
        ending => "an ending such as `completed` or `rolled_back`",
        deed => "something that happens",
        given | happening | crash | expectation => "`given`, `at`, `crash` or `expect`",
        construct | keyword | action | command | http | setting | setting_name => "a statement",
        _ => return None,
    })
}
