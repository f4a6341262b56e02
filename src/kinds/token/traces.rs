//! Which tokens somebody leaves behind: what they may do, and when they were last used.

use serde_json::Value;

use crate::kinds::token::read::{Generations, LiveToken};
use crate::kinds::token::steps::was_just_used;
use crate::model::{Instant, ResourceId};

/// Every token of a name, as a trace of whoever made it.
pub(super) fn of(tokens: &Generations, spec: &Value, now: Instant) -> Vec<(ResourceId, String)> {
    let trace = |token: &LiveToken, may: &str| {
        let login = token.created_by.as_deref().filter(|it| !it.is_empty())?;
        let what = format!("`{}` ({may}, {})", token.name, used(token.last_used, now));
        Some((ResourceId::new("member", login), what))
    };
    let may = match (&tokens.current.team, spec["role"].as_str()) {
        (Some(team), _) => format!("of team/{team}"),
        (None, Some("admin")) => "administrator".to_owned(),
        (None, Some(role)) => format!("role {role}"),
        (None, None) => "what a member may do".to_owned(),
    };
    let before = format!("predecessor of {}", tokens.current.name);
    let older = tokens.older.iter().filter_map(|it| trace(it, &before));
    trace(&tokens.current, &may).into_iter().chain(older).collect()
}

/// The same words for as long as the day is the same.
fn used(last: Option<i64>, now: Instant) -> String {
    match last {
        None => "never used".to_owned(),
        Some(_) if was_just_used(last, now) => "used in the last 24 hours".to_owned(),
        Some(seconds) => {
            let moment = Instant(seconds).to_text();
            format!("last used {}", moment.get(..10).unwrap_or(&moment))
        }
    }
}
