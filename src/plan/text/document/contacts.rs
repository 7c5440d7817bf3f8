//! Who is who, and how they are reached.

use crate::plan::Level;

use super::super::Printer;
use super::{Page, md, plain};

impl Page<'_> {
    pub(super) fn contacts(&mut self) {
        self.head("contacts");
        let plan = self.plan;
        let manager = plan.release.as_ref().and_then(|r| r.manager.as_ref());
        let mut rows = Vec::new();
        for role in &plan.roles {
            let leads = if manager == Some(&role.id) { " (release manager)" } else { "" };
            let title = if role.title.eq_ignore_ascii_case("release manager") { "" } else { leads };
            let reach: Vec<String> = role.reach.iter().map(|id| self.channel(id)).collect();
            let contact: Vec<String> = role.contact.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            rows.push(vec![
                md(&format!("{}{title}", role.title)),
                md(&role.members.join("\n")),
                md(&role.backup.join("\n")),
                md(&contact.join("\n")),
                md(&reach.join("\n")),
                md(role.describe.as_deref().unwrap_or_default()),
            ]);
        }
        self.table(&["Role", "Members", "Backup", "Contact", "Asked on", "Does"], &rows);
        let fates = std::collections::BTreeMap::new();
        let printer = Printer {
            fates: &fates,
            plan,
            paint: plain(),
            out: String::new(),
            zone: self.zone.clone(),
            schedule: self.schedule.clone(),
        };
        let duties = plan.roles.iter().flat_map(|role| role.duties.iter().map(move |duty| (role, duty)));
        let duties: Vec<Vec<String>> =
            duties.map(|(role, duty)| vec![md(&role.title), md(&printer.duty_text(duty))]).collect();
        if !duties.is_empty() {
            self.line("## On duty and away");
            self.line("");
            self.table(&["Role", "Who, and when"], &duties);
        }
        let mut chains: Vec<(String, &[Level])> = Vec::new();
        for node in &plan.nodes {
            let levels = node.escalation();
            if !levels.is_empty() {
                chains.push((node.title.clone(), levels));
            }
        }
        for trigger in &plan.triggers {
            if let Some(question) = trigger.ask.as_ref().filter(|q| !q.escalation.is_empty()) {
                chains.push((trigger.title.clone(), &question.escalation));
            }
        }
        let rows: Vec<Vec<String>> = chains
            .into_iter()
            .map(|(what, levels)| {
                let levels = levels.iter().map(|level| match level.within {
                    Some(within) => {
                        format!("{}, {}", self.plan.titles(&level.people), crate::value::duration_text(within))
                    }
                    None => self.plan.titles(&level.people),
                });
                vec![md(&what), md(&levels.collect::<Vec<_>>().join(" → "))]
            })
            .collect();
        if !rows.is_empty() {
            self.line("## If nobody answers");
            self.line("");
            self.table(&["What", "Who is asked then"], &rows);
        }
        let links: Vec<Vec<String>> = plan.links.iter().map(|l| vec![md(&l.title), md(&l.url)]).collect();
        if !links.is_empty() {
            self.line("## Links");
            self.line("");
            self.table(&["What", "Where"], &links);
        }
    }
}
