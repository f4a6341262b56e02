//! What the calls on settings come to, without sending them.

use serde_json::{Value, json};

use crate::kinds::settings::{DAY, STACK_PERMISSIONS};
use crate::kinds::{World, role};
use crate::model::{Call, Duration, LiveObject};

pub(super) fn rehearse(call: &Call, live: Option<LiveObject>, world: &World) -> Result<Option<LiveObject>, String> {
    let mut settings = live.ok_or("there are no settings to change")?;
    // `api/orgs/ORG/roles/ID/default`
    if let [.., id, last] = call.path.as_slice()
        && *last == "default".into()
    {
        settings.spec["defaultRole"] = json!(role::named_by(id, world)?);
        return Ok(Some(settings));
    }
    for (field, value) in call.body.as_ref().and_then(Value::as_object).into_iter().flatten() {
        match field.as_str() {
            "setDefaultStackPermission" => {
                let level = STACK_PERMISSIONS.iter().find(|it| json!(it.1) == *value).map(|it| it.0);
                settings.spec["defaultStackPermission"] = json!(level);
            }
            "setMembersCanCreateTeams" => settings.spec["membersCanCreateTeams"] = value.clone(),
            "setMaxAccessTokenExpiryDays" => {
                let seconds = value.as_i64().unwrap_or_default() * DAY;
                settings.spec["maxTokenLifetime"] = json!(Duration { seconds });
            }
            other => return Err(format!("`{other}` is no setting")),
        }
    }
    Ok(Some(settings))
}
