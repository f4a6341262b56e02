//! Environments of Pulumi ESC: the listing, which pages by `nextToken`, and metadata.

use crate::sandbox::ask::Answer;
use crate::sandbox::ask::Ask;
use crate::sandbox::ask::Outcome;
use crate::sandbox::ask::Refusal;
use crate::sandbox::clock::rfc3339;
use crate::sandbox::page::Page;
use crate::sandbox::routes::Route;
use crate::sandbox::routes::inside;
use crate::sandbox::routes::signed;
use crate::sandbox::state::Environment;
use crate::sandbox::view;
use serde_json::Value;
use serde_json::json;

pub const ROUTES: &[Route] = &[
    signed("GET", "/api/esc/environments", list_everywhere),
    inside("GET", "/api/esc/environments/{org}", list),
    inside("HEAD", "/api/esc/environments/{org}/{project}/{environment}", exists),
    inside("GET", "/api/esc/environments/{org}/{project}/{environment}/metadata", metadata),
];

fn visible(ask: &Ask, name: &str, environment: &Environment) -> bool {
    let settings = &ask.state.organization.settings;
    let open = settings.get("defaultEnvironmentPermission").and_then(Value::as_str);
    let teams = ask.caller.teams.iter().filter_map(|it| ask.state.teams.get(it));
    ask.caller.may("environment:read")
        || ask.caller.may("environment:list")
        || open.is_some_and(|it| it != "none")
        || environment.owner == ask.caller.login
        || teams.into_iter().any(|it| it.environments.contains_key(name))
}

fn list_everywhere(ask: &mut Ask) -> Outcome {
    let slug = &ask.state.organization.slug;
    if !ask.caller.belongs || ask.query("organization").is_some_and(|it| it != slug) {
        return Answer::ok(json!({"environments": []}));
    }
    list(ask)
}

fn list(ask: &mut Ask) -> Outcome {
    let page = Page::of(ask, "environments")?;
    let keep = |name: &String, it: &Environment| visible(ask, name, it);
    let (entries, token) = page.cut_named(&ask.state.environments, keep);
    let environments = entries.into_iter().map(|(name, it)| {
        let (project, short) = view::halves(name);
        json!({
            "id": it.id,
            "organization": ask.state.organization.slug,
            "project": project,
            "name": short,
            "created": rfc3339(it.created),
            "modified": rfc3339(it.modified),
            "ownedBy": view::user(ask.state, &it.owner),
            "tags": it.tags,
            "settings": {"deletionProtected": false},
            "referrerMetadata": {
                "environmentReferrerCount": 0,
                "insightsAccountReferrerCount": 0,
                "stackReferrerCount": 0,
            },
        })
    });
    let mut answer = json!({"environments": environments.collect::<Value>()});
    // This list alone names its token differently in answers than in requests.
    if let Some(token) = token {
        answer["nextToken"] = json!(token);
    }
    Answer::ok(answer)
}

fn named<'s>(ask: &'s Ask) -> Result<&'s Environment, Refusal> {
    let name = format!("{}/{}", ask.part("project"), ask.part("environment"));
    let found = ask.state.environments.get(&name).filter(|it| visible(ask, &name, it));
    found.ok_or_else(|| Refusal::not_found("environment", &name))
}

fn exists(ask: &mut Ask) -> Outcome {
    named(ask)?;
    Answer::ok(Value::Null)
}

fn metadata(ask: &mut Ask) -> Outcome {
    let environment = named(ask)?;
    Answer::ok(json!({
        "id": environment.id,
        "ownedBy": view::user(ask.state, &environment.owner),
        "openRequestNeeded": false,
    }))
}
