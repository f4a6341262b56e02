//! `--attribute`: who made the drift, from the audit log. Whatever goes wrong with the log is a note on the plan.

use crate::cli::session::{Session, count};
use crate::cli::ui::Ui;
use crate::model::{Diagnostic, Plan, Severity, Snapshot};
use crate::plan::attribution::{self, Reading, Search};
use crate::snapshot::{AUDIT_DAYS, AuditLog};

/// The code of what the log did not tell.
pub const NOT_ATTRIBUTED: &str = "not-attributed";

/// Looks for who made the drift of a plan. The log is read once, no further back than it must, and only where it
/// can tell something.
pub async fn attribute(plan: &mut Plan, live: &Snapshot, session: &Session, ui: &Ui) {
    let mut search = Search::of(plan, live);
    let mut note = None;
    let mut reading = Reading::Whole;
    if !search.is_settled() {
        match read(&mut search, live, session, ui).await {
            Ok(remark) => note = remark,
            Err(why) => {
                reading = Reading::Broken;
                note = Some(format!("who changed it could not be read: {why}"));
            }
        }
    }
    let found = search.found(reading);
    attribution::attribute(plan, found);
    plan.diagnostics.extend(note.map(|it| Diagnostic::new(Severity::Note, NOT_ATTRIBUTED, it)));
}

/// Reads the log until all is found; what is to be known about its end is returned.
async fn read(search: &mut Search<'_>, live: &Snapshot, session: &Session, ui: &Ui) -> Result<Option<String>, String> {
    let mut log = AuditLog::of(&session.client, &live.organization, live.now)?;
    while !search.is_settled() {
        let Some(events) = log.page().await? else { break };
        search.take(&events);
    }
    let pages = log.pages();
    ui.say(&format!("Read the audit log with {}", count(pages, "request")));
    let cut = log.is_cut_off() && !search.is_settled();
    Ok(cut.then(|| {
        format!("the audit log of the last {AUDIT_DAYS} days has more than {pages} pages, of which only the newest were read")
    }))
}
