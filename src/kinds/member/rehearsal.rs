//! What the calls on a person come to, without sending them.

use serde_json::json;

use crate::kinds::member::invite;
use crate::kinds::{World, role};
use crate::model::{Call, LiveObject, Method};

pub(super) fn rehearse(
    call: &Call,
    name: &str,
    live: Option<LiveObject>,
    world: &World,
) -> Result<Option<LiveObject>, String> {
    if call.path_texts().get(3) == Some(&"invites") {
        return invite::rehearse(call, name, live, world);
    }
    match call.method {
        Method::Get => Ok(live),
        Method::Delete if live.as_ref().is_some_and(|it| !invite::cancel(it, world).is_empty()) => {
            Err("they could come back by an invitation that is still open".to_owned())
        }
        Method::Delete => Ok(None),
        Method::Post => {
            let added = || LiveObject {
                name: name.to_owned(),
                spec: json!({"role": call.text("/role")}),
                ..LiveObject::default()
            };
            Ok(Some(live.unwrap_or_else(added)))
        }
        Method::Patch => {
            let mut live = live.ok_or("nobody is there whose role could change")?;
            let id = call.segment("/fgaRoleId").ok_or("a role without an id")?;
            live.spec["role"] = json!(role::named_by(&id, world)?);
            Ok(Some(live))
        }
    }
}
