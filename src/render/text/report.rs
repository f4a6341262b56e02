//! What an apply did, for a terminal.

use serde_json::Value;

use crate::model::report::StepReport;
use crate::model::{FieldChange, Outcome, Report, ResourceId, Unsettled, Verification};
use crate::render::lines::Sign;
use crate::render::text::Options;
use crate::render::text::layout::{self, Item, row};
use crate::render::{digest, escape};

/// What an apply did: a row a step, the counts, what was found afterwards, what to do next.
pub fn report(report: &Report, options: Options) -> String {
    let digits = report.checksum.strip_prefix("sha256:").unwrap_or(&report.checksum);
    let checksum = escape::terminal(digits.get(..12).unwrap_or(digits));
    let organization = options.organization(&report.organization);
    let mut items = vec![Item::Heading(format!("Applying {checksum} to {organization}"))];
    items.extend(report.steps.iter().map(step));
    items.push(Item::Plain(String::new()));
    if let Verification::Left { unsettled, .. } = &report.verification {
        items.extend(unsettled.iter().flat_map(left).map(Item::Plain));
    }
    items.extend(closing(report, options).into_iter().map(Item::Plain));
    layout::page(&items, options)
}

fn step(step: &StepReport) -> Item {
    let (word, text) = match &step.outcome {
        Outcome::Done { remark: None } => ("done", step.what.clone()),
        Outcome::Done { remark: Some(remark) } => ("done", format!("{}: {remark}", step.what)),
        Outcome::Failed { message, uncertain: false } => ("FAILED", format!("{}: {message}", step.what)),
        Outcome::Failed { message, uncertain: true } => {
            ("FAILED", format!("{}: {message} (no answer came; it may have been done)", step.what))
        }
        Outcome::Skipped { because } => ("skipped", format!("{}: {because}", step.what)),
    };
    let id = escape::terminal(&step.id.to_string());
    row(Sign::None, format!("{word:<9}{id}"), escape::terminal(&text))
}

/// A change that was carried out and is not so: what is behind it, and both values of what was written.
fn left(unsettled: &Unsettled) -> Vec<String> {
    let Unsettled { id, fields, because } = unsettled;
    let because = because.as_ref().map(|it| format!(": {}", escape::terminal(it))).unwrap_or_default();
    let mut lines = vec![format!("{} was accepted, but is not so{because}.", escape::terminal(&id.to_string()))];
    for FieldChange { path, before, after, .. } in fields {
        let value = |value: &Value| escape::json(&value.to_string());
        lines.push(format!("  {}", escape::terminal(&path[1..])));
        lines.push(format!("    wanted: {}", value(after)));
        lines.push(format!("    has:    {}", value(before)));
    }
    lines.push(String::new());
    lines
}

/// The last lines: the very last one says whether anything is left.
fn closing(report: &Report, options: Options) -> Vec<String> {
    let (done, failed, skipped) = report.counts();
    let parts = [(done, "done"), (failed, "failed"), (skipped, "not tried")];
    // Of a run in which all went well there is only one thing to count.
    let parts = parts.into_iter().filter(|(count, word)| *count > 0 || (*word == "done" && failed + skipped > 0));
    let counts = parts.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ");
    let ids =
        |ids: &[ResourceId]| ids.iter().map(|it| escape::terminal(&it.to_string())).collect::<Vec<_>>().join(", ");
    let differ = |left: &[ResourceId]| {
        format!("{}: {}.", digest::count(left.len(), "resource still differs", "resources still differ"), ids(left))
    };
    if failed + skipped > 0 {
        let cause = if failed > 0 { "Fix the cause and run" } else { "Run" };
        let command = escape::terminal(options.command);
        let next = format!("Nothing was rolled back. {cause} `{command}` again; it continues from here.");
        let found = match &report.verification {
            Verification::Converged => Some("Read again: no changes left.".to_owned()),
            Verification::Left { ids, .. } => Some(format!("Read again: {}", differ(ids))),
            Verification::Unread { message } => Some(format!("Not read again: {}.", escape::terminal(message))),
            Verification::NotNeeded => None,
        };
        return found.into_iter().chain([format!("{counts}. {next}")]).collect();
    }
    let end = match &report.verification {
        Verification::Converged => "Applied, and verified: no changes left.".to_owned(),
        Verification::Left { ids, .. } => format!("Applied, but {} Run `bylaws plan` to see how.", differ(ids)),
        Verification::Unread { message } => {
            format!("Applied, but not verified: {}. Run `bylaws plan` to see.", escape::terminal(message))
        }
        Verification::NotNeeded => "Nothing was applied, so nothing was read again.".to_owned(),
    };
    if done == 0 { vec![end] } else { vec![format!("{counts}."), end] }
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, str};

    use super::report;
    use crate::model::{Outcome, Verification};
    use crate::render::sample;
    use crate::render::text::Options;

    fn done(remark: &str) -> Outcome {
        Outcome::Done { remark: (!remark.is_empty()).then(|| remark.to_owned()) }
    }

    #[test]
    fn a_partial_failure_says_what_happens_next() {
        let failed = Outcome::Failed { message: "409: a service with this name exists".to_owned(), uncertain: false };
        let lost = Outcome::Failed { message: "the connection was closed".to_owned(), uncertain: true };
        let skipped = Outcome::Skipped { because: "waits for step 3".to_owned() };
        let made = sample::report(
            [
                ("member/erin", "create", done("")),
                ("member/bob", "role: member", done("")),
                ("service/checkout", "rename", failed),
                ("service/checkout", "add 2 items", skipped),
                ("token/ci-deploy", "create", done("as ci-deploy.3-x7k2pq")),
                ("team/data-eng", "delete", lost),
            ],
            Verification::Left { unsettled: Vec::new(), ids: vec!["service/checkout".parse().unwrap()] },
        );
        assert_data_eq!(
            report(&made, Options::default()),
            str![[r#"
Applying 9b1f0c62d1e4 to acme
  done     member/erin       create
  done     member/bob        role: member
  FAILED   service/checkout  rename: 409: a service with this name exists
  skipped  service/checkout  add 2 items: waits for step 3
  done     token/ci-deploy   create: as ci-deploy.3-x7k2pq
  FAILED   team/data-eng     delete: the connection was closed (no answer came; it may have been done)

Read again: 1 resource still differs: service/checkout.
3 done, 2 failed, 1 not tried. Nothing was rolled back. Fix the cause and run `bylaws apply` again; it continues from here.

"#]]
        );
    }

    #[test]
    fn success_ends_with_one_sentence() {
        let made = sample::report([("member/erin", "create", done(""))], Verification::Converged);
        let text = report(&made, Options { sandbox: true, ..Options::default() });
        assert_data_eq!(
            text,
            str![[r#"
Applying 9b1f0c62d1e4 to acme (sandbox)
  done     member/erin  create

1 done.
Applied, and verified: no changes left.

"#]]
        );
    }

    #[test]
    fn what_is_left_or_unread_is_said() {
        let end = |verification| {
            let made = sample::report([("member/erin", "create", done(""))], verification);
            report(&made, Options::default()).lines().last().unwrap().to_owned()
        };
        let ids = vec!["team/web".parse().unwrap(), "team/x".parse().unwrap()];
        assert_data_eq!(
            end(Verification::Left { ids, unsettled: Vec::new() }),
            str!["Applied, but 2 resources still differ: team/web, team/x. Run `bylaws plan` to see how."]
        );
        assert_data_eq!(
            end(Verification::Unread { message: "503".to_owned() }),
            str!["Applied, but not verified: 503. Run `bylaws plan` to see."]
        );
        let none = sample::report([], Verification::NotNeeded);
        assert_data_eq!(
            report(&none, Options::default()),
            str![[r#"
Applying 9b1f0c62d1e4 to acme

Nothing was applied, so nothing was read again.

"#]]
        );
    }

    #[test]
    fn a_cancelled_run_goes_on_later() {
        let steps = [
            ("member/erin", "create", done("")),
            ("team/web", "create", Outcome::Skipped { because: "cancelled".to_owned() }),
        ];
        let made = sample::report(steps, Verification::NotNeeded);
        let text = report(&made, Options::default());
        assert!(text.ends_with(
            "1 done, 1 not tried. Nothing was rolled back. Run `bylaws apply` again; it continues from here.\n"
        ));
    }
}
