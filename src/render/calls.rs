//! The ordered calls of a plan, and what they mean for whom: what a dry run prints. A plan holds no secret, so that
//! nothing is left out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::model::call::Into;
use crate::model::node::pointer_part;
use crate::model::{Action, Call, Change, Check, Condition, Guard, Hole, Plan, Segment};
use crate::render::{digest, escape, text};

/// Nothing is wrapped: one line is one thing.
const WHOLE_LINES: text::Options<'_> =
    text::Options { width: usize::MAX, height: usize::MAX, color: false, utf8: true, sandbox: false, command: "" };

/// Every step in its order, with its calls as they would be sent.
pub fn plan(plan: &Plan) -> String {
    let mut steps: Vec<(&Change, &Action)> =
        plan.all_changes().flat_map(|change| change.steps.iter().map(move |step| (change, step))).collect();
    steps.sort_by_key(|(_, step)| step.step);
    let organization = escape::terminal(&plan.organization);
    if steps.is_empty() {
        let consequences = text::consequences(plan, WHOLE_LINES);
        return format!("Nothing would be sent to {organization}.\n{consequences}");
    }
    let calls = steps.iter().map(|(_, step)| step.calls.len()).sum();
    let mut text = format!(
        "What would be sent to {organization}: {} in {}\n",
        digest::count(calls, "call", "calls"),
        digest::count(steps.len(), "step", "steps")
    );
    for (change, step) in steps {
        let (id, what) = (escape::terminal(&change.id.to_string()), escape::terminal(&step.what));
        text.push_str(&format!("\n{}. {id}  {what}\n", step.step));
        if !step.after.is_empty() {
            let after: Vec<_> = step.after.iter().map(usize::to_string).collect();
            text.push_str(&format!("   after {}\n", after.join(", ")));
        }
        if let Some(guard) = &step.guard {
            push_guard(guard, &mut text);
        }
        step.calls.iter().for_each(|it| push_call(it, &mut text));
        step.check.iter().for_each(|it| push_check(it, &mut text));
    }
    escape::log(&text) + &text::consequences(plan, WHOLE_LINES)
}

fn push_call(call: &Call, text: &mut String) {
    let Call {
        method,
        path,
        query,
        body,
        holes,
        captures,
        already,
        proof,
        otherwise,
        on_conflict,
        splits,
        apart,
        common: _,
        permissions: _,
        forbidden: _,
        refused: _,
        undo,
    } = call;
    let path: String = path.iter().map(|it| format!("/{}", segment(it))).collect();
    text.push_str(&format!("   {method} {path}{}\n", parameters(query)));
    let mut filled = BTreeSet::new();
    if let Some(body) = body {
        let mut line = String::new();
        push_json(body, "", holes, &mut filled, &mut line);
        text.push_str(&format!("     {}\n", escape::json(&line)));
    }
    // A hole without a place in the body would be a mistake of ours: better seen than hidden.
    for (pointer, it) in holes.iter().filter(|(pointer, _)| !filled.contains(*pointer)) {
        text.push_str(&format!("     {} = {}\n", escape::terminal(pointer), hole(it)));
    }
    for capture in captures {
        let pointer = escape::terminal(&capture.pointer);
        let end = match &capture.into {
            Into::Sink(sink) => format!("value -> {} (from {pointer})", escape::terminal(sink)),
            Into::Keep(what) => format!("keeps {} (from {pointer})", escape::terminal(what)),
            Into::Same(text) => format!("goes on if {pointer} is {}", escape::terminal(text)),
        };
        text.push_str(&format!("     {end}\n"));
    }
    if !already.is_empty() {
        let already: Vec<_> = already.iter().map(u16::to_string).collect();
        text.push_str(&format!("     {} = it is so already\n", already.join(", ")));
    }
    if let Some(proof) = proof {
        text.push_str(&format!("     done if the answer has {}\n", escape::terminal(proof)));
    }
    if let Some(pointer) = splits.as_ref().filter(|_| apart.is_none()) {
        text.push_str(&format!(
            "     in halves of {} where the service does not take it whole\n",
            escape::terminal(pointer)
        ));
    }
    if let (Some(pointer), Some(apart)) = (splits, apart) {
        let pointer = escape::terminal(pointer);
        text.push_str(&format!("   where the service does not take it whole, with {pointer} empty; then all that:\n"));
        push_call(apart, text);
    }
    if let Some(undo) = undo {
        text.push_str("   if its value cannot be kept:\n");
        push_call(undo, text);
    }
    if let Some(otherwise) = otherwise {
        text.push_str("   where the service does not know this:\n");
        push_call(otherwise, text);
    }
    if let Some(change) = on_conflict {
        text.push_str("   where it is there already:\n");
        push_call(change, text);
    }
}

/// What is read before, and what has to hold.
fn push_guard(guard: &Guard, text: &mut String) {
    let path: String = guard.path.iter().map(|it| format!("/{}", escape::percent(it))).collect();
    text.push_str(&format!("   first reads {path}{}\n", parameters(&guard.query)));
    for condition in &guard.holds {
        let holds = match condition {
            Condition::Still { what, is, pointer: _ } => {
                format!("{} is still {}", escape::terminal(what), escape::terminal(is))
            }
            Condition::Within { what, names, pointer: _, name: _ } => {
                let names: Vec<_> = names.iter().map(|it| escape::terminal(it)).collect();
                match names.is_empty() {
                    true => format!("there is no {}", escape::terminal(what)),
                    false => format!("every {} is one of: {}", escape::terminal(what), names.join(", ")),
                }
            }
        };
        text.push_str(&format!("     goes on if {holds}\n"));
    }
}

/// What is read again, and what is sent if it is not so.
fn push_check(check: &Check, text: &mut String) {
    let path: String = check.path.iter().map(|it| format!("/{}", escape::percent(it))).collect();
    text.push_str(&format!("   then reads {path}{}\n", parameters(&check.query)));
    for expected in &check.shows {
        let must = if expected.there { "must be there" } else { "must be gone" };
        text.push_str(&format!("     {must}: {}\n", escape::terminal(&expected.what)));
        for call in &expected.retries {
            text.push_str("   if it is not:\n");
            push_call(call, text);
        }
    }
}

fn parameters(query: &[(String, String)]) -> String {
    let parameters: Vec<_> =
        query.iter().map(|(name, value)| format!("{}={}", escape::percent(name), escape::percent(value))).collect();
    if parameters.is_empty() { String::new() } else { format!("?{}", parameters.join("&")) }
}

fn segment(segment: &Segment) -> String {
    match segment {
        Segment::Text(text) => escape::percent(text),
        // Text is encoded, so that only a hole can show an angle bracket.
        Segment::Hole(Hole::FreshName { stem }) => format!("{}-<nonce>", escape::percent(stem)),
        Segment::Hole(it) => hole(it),
    }
}

fn hole(hole: &Hole) -> String {
    escape::terminal(&hole.to_string())
}

/// JSON on one line, with each hole in its place. A hole has no quotes, which no text is without.
fn push_json(
    value: &Value,
    pointer: &str,
    holes: &BTreeMap<String, Hole>,
    filled: &mut BTreeSet<String>,
    line: &mut String,
) {
    if let Some(it) = holes.get(pointer) {
        filled.insert(pointer.to_owned());
        line.push_str(&hole(it));
        return;
    }
    match value {
        Value::Array(items) => {
            line.push('[');
            for (index, item) in items.iter().enumerate() {
                line.push_str(if index > 0 { "," } else { "" });
                push_json(item, &format!("{pointer}/{index}"), holes, filled, line);
            }
            line.push(']');
        }
        Value::Object(entries) => {
            line.push('{');
            for (index, (key, item)) in entries.iter().enumerate() {
                line.push_str(if index > 0 { "," } else { "" });
                line.push_str(&format!("{}:", Value::from(key.as_str())));
                push_json(item, &format!("{pointer}/{}", pointer_part(key)), holes, filled, line);
            }
            line.push('}');
        }
        scalar => line.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use snapbox::{IntoData, assert_data_eq, str};

    use super::plan;
    use crate::model::call::Into;
    use crate::model::{Call, Hole, Method, Phase, Verb};
    use crate::render::sample;

    #[test]
    fn calls_come_in_the_order_of_their_steps() {
        let id = Hole::Kept { of: "role/deployer".parse().unwrap(), what: "id".to_owned() };
        let issue = Call::new(Method::Post, ["api", "orgs", "acme", "tokens"])
            .body(json!({"name": null, "roleID": null, "description": "<id of role/x>\u{202e}", "expires": null}))
            .hole("/name", Hole::FreshName { stem: "ci-deploy.3".to_owned() })
            .hole("/roleID", id.clone())
            .hole("/expires", Hole::After { duration: "90d".parse().unwrap() })
            .capture("/tokenValue", Into::Sink("file:secrets/ci".to_owned()))
            .capture("/id", Into::Keep("id".to_owned()));
        let revoke = Call::new(Method::Delete, ["api", "orgs", "acme", "tokens", "a/b %ü"]).already(404);
        let grow = Call::new(Method::Patch, ["api".into(), "roles".into(), crate::model::Segment::Hole(id)])
            .body(json!({"add": [1, null]}))
            .otherwise(Call::new(Method::Post, ["api", "old"]));
        let mut token = sample::change(Verb::Replace, "token/ci-deploy");
        sample::step(&mut token, 3, Phase::Issue, "create ci-deploy.3-…", vec![issue]);
        sample::step(&mut token, 4, Phase::Delete, "revoke ci-deploy.2", vec![revoke]);
        token.steps[1].after = vec![1, 3];
        let mut role = sample::change(Verb::Update, "role/deployer");
        sample::step(&mut role, 1, Phase::Grow, "allow stack:update", vec![grow]);
        let mut made = sample::empty();
        made.changes = vec![token];
        made.drift = vec![role];
        made.changes[0].steps[0].calls[0].query = vec![("reason".to_owned(), "a b&c".to_owned())];
        assert_data_eq!(plan(&made), str![[r#"
What would be sent to acme: 3 calls in 3 steps

1. role/deployer  allow stack:update
   PATCH /api/roles/<id of role/deployer>
     {"add":[1,null]}
   where the service does not know this:
   POST /api/old

3. token/ci-deploy  create ci-deploy.3-…
   POST /api/orgs/acme/tokens?reason=a%20b%26c
     {"name":ci-deploy.3-<nonce>,"roleID":<id of role/deployer>,"description":"<id of role/x>\u202e","expires":<90d from then>}
     value -> file:secrets/ci (from /tokenValue)
     keeps id (from /id)

4. token/ci-deploy  revoke ci-deploy.2
   after 1, 3
   DELETE /api/orgs/acme/tokens/a%2Fb%20%25%C3%BC
     404 = it is so already

"#]].raw());
    }

    #[test]
    fn an_empty_plan_sends_nothing() {
        assert_eq!(plan(&sample::empty()), "Nothing would be sent to acme.\n");
    }
}
