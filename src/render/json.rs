//! Plans and reports as JSON, and plans back from it.

use serde::Serialize;
use serde_json::Value;

use crate::model::access::Listing;
use crate::model::plan::{FORMAT, FORMAT_VERSION};
use crate::model::{Plan, Report};
use crate::render::escape;

/// A plan, as `bylaws.plan`.
pub fn plan(plan: &Plan) -> String {
    pretty(plan)
}

/// A report, as `bylaws.report`.
pub fn report(report: &Report) -> String {
    pretty(report)
}

/// Who may do what, as `bylaws.access`.
pub fn access(listing: &Listing) -> String {
    pretty(listing)
}

/// A plan that was kept. Names it does not know are ignored; another major version is refused, because
/// then a name may mean something else.
///
/// # Errors
/// When the text is no plan, or not one of this major version.
pub fn parse(text: &str) -> Result<Plan, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("this is no plan: {error}"))?;
    let format = value.get("format").and_then(Value::as_str).unwrap_or_default();
    if format != FORMAT {
        return Err(format!("this is no plan: its `format` is `{}`, not `{FORMAT}`", escape::terminal(format)));
    }
    let version = value.get("formatVersion").and_then(Value::as_str).unwrap_or_default();
    if major(version) != major(FORMAT_VERSION) {
        return Err(format!(
            "this plan has format version `{}`, and this program reads {FORMAT_VERSION}; plan again",
            escape::terminal(version)
        ));
    }
    serde_json::from_value(value)
        .map_err(|error| format!("this plan is damaged: {}", escape::terminal(&error.to_string())))
}

fn major(version: &str) -> Option<u32> {
    let (major, minor) = version.split_once('.')?;
    minor.parse::<u32>().ok()?;
    major.parse().ok()
}

fn pretty(value: &impl Serialize) -> String {
    // Nothing in a plan or a report can fail to be written: every key is a text.
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    escape::json(&text) + "\n"
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{parse, plan};
    use crate::render::sample;

    #[test]
    fn a_kept_plan_is_the_same_plan() {
        let made = sample::plan();
        let text = plan(&made);
        assert!(text.starts_with("{\n  \"format\": \"bylaws.plan\",\n  \"formatVersion\": \"1.0\",\n"));
        assert!(text.ends_with("}\n"));
        assert_eq!(plan(&parse(&text).unwrap()), text);
    }

    fn with(pointer: &str, to: Value) -> Result<crate::model::Plan, String> {
        let mut value: Value = serde_json::from_str(&plan(&sample::plan())).unwrap();
        match pointer.rsplit_once('/') {
            Some(("", key)) => value[key] = to,
            _ => *value.pointer_mut(pointer).unwrap() = to,
        }
        parse(&value.to_string())
    }

    #[test]
    fn a_minor_version_only_adds() {
        assert!(with("/formatVersion", "1.7".into()).is_ok());
        assert!(with("/later", 1.into()).is_ok());
    }

    #[test]
    fn what_is_no_plan_of_this_version_is_refused() {
        let refusal = |pointer, to: &str| with(pointer, to.into()).unwrap_err();
        assert_eq!(
            refusal("/formatVersion", "2.0"),
            "this plan has format version `2.0`, and this program reads 1.0; plan again"
        );
        for version in ["", "1", "10.0", "1.x", "x\u{1b}[2J"] {
            assert!(with("/formatVersion", version.into()).is_err(), "{version}");
        }
        assert_eq!(
            refusal("/format", "bylaws.report"),
            "this is no plan: its `format` is `bylaws.report`, not `bylaws.plan`"
        );
        assert!(refusal("/changes", "none").starts_with("this plan is damaged: "));
        assert!(parse("{").unwrap_err().starts_with("this is no plan: "));
    }
}
