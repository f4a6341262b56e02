//! A plan as a comment on a pull request: counts and dangers first, details folded, never too long.

mod access;
mod caution;
mod parts;

use crate::model::{Change, Diagnostic, Plan, Verb};
use crate::render::{digest, escape};

/// How a comment is made.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The longest text that may come out. GitHub refuses a comment of more than 65,536 characters.
    pub max_bytes: usize,
    /// The commit the plan was made for.
    pub commit: Option<&'a str>,
    /// Where the whole plan can be found, as an `https:` address.
    pub link: Option<&'a str>,
    /// Whether the organization is the sandbox's.
    pub sandbox: bool,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { max_bytes: 60_000, commit: None, link: None, sandbox: false }
    }
}

/// What is left out to keep within the limit, more at each step. The heading, the counts, and what blocks or
/// goes are never left out: at the last step, what there is most of is counted instead of named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cut {
    Nothing,
    /// The names of what is unmanaged.
    Context,
    /// The fields of what is added.
    Additions,
    /// All fields and remarks: names remain.
    Fields,
    /// The names as well: counts remain.
    Names,
    /// Most names of what goes, and most dangers of one kind: counts and the first of each remain.
    Multitudes,
}

const CUTS: [Cut; 6] = [Cut::Nothing, Cut::Context, Cut::Additions, Cut::Fields, Cut::Names, Cut::Multitudes];

/// The first line of every comment about an organization, by which it is found again.
pub fn marker(organization: &str) -> String {
    format!("<!-- bylaws:plan org={} -->", escape::marker(organization))
}

/// A plan as a comment.
///
/// Longer than `max_bytes` only where the counts and the first danger and deletion of each kind alone are:
/// those are never left out, and a comment that is refused is better than one that hides them.
pub fn plan(plan: &Plan, options: Options) -> String {
    let mut text = String::new();
    for cut in CUTS.into_iter().filter(|it| *it == Cut::Multitudes || least(plan, *it) <= options.max_bytes) {
        text = comment(plan, options, cut);
        if text.len() <= options.max_bytes {
            break;
        }
    }
    text
}

/// Bytes that a comment certainly has: what cannot fit need not be written to be measured.
fn least(plan: &Plan, cut: Cut) -> usize {
    let named = |it: &&Change| cut < Cut::Names || it.verb == Verb::Delete;
    plan.all_changes().filter(named).map(|it| it.name.len() + 2).sum()
}

fn comment(plan: &Plan, options: Options, cut: Cut) -> String {
    let commit = options.commit.map(|it| format!(" sha={}", escape::marker(it))).unwrap_or_default();
    let checksum = escape::marker(plan.short_checksum());
    let mut paragraphs = vec![format!(
        "{}\n<!-- bylaws:meta{commit} checksum={checksum} -->\n{}",
        marker(&plan.organization),
        heading(plan, options)
    )];
    let found = digest::findings(plan);
    paragraphs.extend(state(plan, &found, cut));
    paragraphs.extend(parts::counts(plan));
    paragraphs.extend(caution::caution(plan, &found.dangers, options.max_bytes, cut));
    paragraphs.extend(notes(&found.notes, cut));
    paragraphs.extend(access::paragraphs(&plan.impact, &[], cut));
    let own = digest::own(plan);
    let changes = digest::ordered(own.iter().map(AsRef::as_ref));
    paragraphs.extend(parts::changes(&changes, cut));
    paragraphs.extend(parts::details(&changes, cut));
    let drift = digest::drift(plan);
    let drift = digest::ordered(drift.iter().map(AsRef::as_ref));
    if let Some(block) = parts::changes(&drift, cut) {
        let count = digest::count(drift.len(), "change", "changes");
        let mut inside = vec![block];
        inside.extend(access::paragraphs(&plan.drift_impact, &plan.impact.unknown, cut));
        let summary = format!("Drift on the base branch: {count}, not from this pull request");
        paragraphs.push(parts::fold(&summary, &inside.join("\n\n")));
    }
    paragraphs.extend(unmanaged(plan, cut));
    paragraphs.extend(left_out(plan, &found.notes, options, cut));
    paragraphs.push(footer(plan, options));
    escape::log(&(paragraphs.join("\n\n") + "\n"))
}

fn heading(plan: &Plan, options: Options) -> String {
    let sandbox = if options.sandbox { " (sandbox)" } else { "" };
    let organization = escape::code(&plan.organization);
    let counts = digest::counts(&plan.summary).into_iter().map(|(verb, count, what)| match verb {
        Verb::Delete => format!("**{count} {what}**"),
        _ => format!("{count} {what}"),
    });
    let what = match plan {
        _ if plan.status.errored => "planning failed".to_owned(),
        _ if plan.is_empty() && !plan.status.complete => "no changes in what could be seen".to_owned(),
        _ if plan.is_empty() => "no changes".to_owned(),
        _ if counts.len() == 0 => digest::only_drift(plan),
        _ => counts.collect::<Vec<_>>().join(", "),
    };
    format!("### {organization}{sandbox}: {what}")
}

/// Whether the plan can be trusted to be all there is.
fn state(plan: &Plan, found: &digest::Findings, cut: Cut) -> Vec<String> {
    let mut paragraphs = Vec::new();
    if plan.is_empty() && plan.status.complete && !plan.status.errored {
        let checked = digest::checked(plan);
        let root = escape::code(&digest::root(plan));
        paragraphs.push(format!("It {} ({checked}).", digest::agreement(plan, &root)));
    }
    if !found.errors.is_empty() {
        paragraphs.push(list("**Planning failed.** Nothing can be applied.", &found.errors));
    }
    if !plan.status.complete {
        let sentence = "**Not everything could be seen**, so this plan cannot be applied.";
        paragraphs.push(match cut {
            Cut::Names | Cut::Multitudes => format!("{sentence} {} not shown here.", found.unseen.len()),
            _ => list(sentence, &found.unseen),
        });
    }
    paragraphs
}

fn notes(notes: &[&Diagnostic], cut: Cut) -> Option<String> {
    (!notes.is_empty() && cut < Cut::Names).then(|| list("**Also know**", notes))
}

fn list(heading: &str, findings: &[&Diagnostic]) -> String {
    let mut text = heading.to_owned();
    for it in findings {
        text.push_str(&format!("\n- {}: {}", escape::word(&it.code), escape::prose(&it.message)));
        if let Some(help) = &it.help {
            text.push_str(&format!(" ({})", escape::prose(help)));
        }
    }
    text
}

fn unmanaged(plan: &Plan, cut: Cut) -> Option<String> {
    let kinds = digest::unmanaged(plan, cut < Cut::Context);
    let lines: Vec<_> = kinds.iter().map(|(section, names)| format!("{section}  {names}")).collect();
    let block = escape::fenced("text", &lines.join("\n"));
    (!lines.is_empty()).then(|| parts::fold("Unmanaged: live, in no manifest, left alone", &block))
}

/// What is not in this comment, and where it is.
fn left_out(plan: &Plan, notes: &[&Diagnostic], options: Options, cut: Cut) -> Option<String> {
    let (changes, added) =
        (plan.all_changes().count(), plan.all_changes().filter(|it| it.verb == Verb::Create).count());
    let what = match cut {
        Cut::Nothing => return None,
        Cut::Context => "The names of unmanaged objects are".to_owned(),
        Cut::Additions => format!("The fields of {} are", digest::count(added, "addition", "additions")),
        Cut::Fields => format!("The details of {} are", digest::count(changes, "change", "changes")),
        Cut::Names | Cut::Multitudes => format!(
            "{} and {} are",
            digest::count(changes, "change", "changes"),
            digest::count(notes.len(), "note", "notes")
        ),
    };
    let place = options.link.and_then(escape::link).map(|it| format!(": [full plan]({it})")).unwrap_or_default();
    Some(format!("{what} not shown here{place}"))
}

fn footer(plan: &Plan, options: Options) -> String {
    let commit = options.commit.map(escape::code);
    let checksum = format!("plan {}", escape::code(plan.short_checksum()));
    let link = options.link.and_then(escape::link).map(|it| format!("[full plan]({it})"));
    let pieces: Vec<_> = commit.into_iter().chain([checksum]).chain(digest::traffic(plan)).chain(link).collect();
    pieces.join(" · ")
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData, assert_data_eq, str};

    use super::{Options, marker, plan};
    use crate::model::{Plan, Verb};
    use crate::render::sample;

    #[test]
    fn a_comment_says_counts_and_dangers_before_any_fold() {
        let link = Some("https://example.invalid/artifact");
        let options = Options { commit: Some("3f2a91c"), link, ..Options::default() };
        assert_data_eq!(plan(&sample::plan(), options), str![[r#"
<!-- bylaws:plan org=acme -->
<!-- bylaws:meta sha=3f2a91c checksum=9b1f0c62d1e4 -->
### `acme`: 3 to add, 1 to change, 1 to rename, 1 to replace, **1 to delete**

| | roles | members | teams | services | tokens |
|---|---|---|---|---|---|
| add | 1 | 1 | 1 |  |  |
| change |  | 1 |  |  |  |
| rename |  |  |  | 1 |  |
| replace |  |  |  |  | 1 |
| **delete** |  |  | **1** |  |  |
| drift |  |  | 1 |  |  |

> [!CAUTION]
> **Deletes** `team/data-eng`.
>
> `team/data-eng`: its token etl goes with it, last used 3 days ago.
>
> **delete-team**: 3 people lose team access; nothing restores its stack permissions (needs `--allow delete-team:team/data-eng`).
>
> **few-admins**: `alice` becomes the only administrator of `acme` (needs `--allow few-admins:member/bob`).
>
> 2 dangers block this plan.

**Also know**
- token-outlives-member: `bob` made `legacy`, which keeps its rights

**Access**: gained by 2, lost by 4.

```diff
+ 2 members   environment/shop/prod: open, stack/shop/prod: read -> write, through team/web, team/platform (role/deployer)
              alice, bob
- member/bob  organization: admin -> member, through role/admin
              still through role/member, team/platform
- 3 members   stack/etl/prod: write, through team/data-eng
              bob, carol, frank
- token/etl   stack/etl/prod: write, through team/data-eng
```

Not counted:
- of some teams only the names were read (`ml`, `web-old`): they may give the same

```diff
+ role     stack-auditor  description: "Reads every stack of every project there is, and nothing els..." (75 characters)
+   grants                permissions: [stack:read], stacks: [shop/prod, shop/staging]
! member   bob            role: admin -> member
+ member   erin           role: member
- team     data-eng       members: bob, carol, frank
                          stacks: etl/prod (write)
                          its token etl goes with it, last used 3 days ago
+ team     web            kind: pulumi
                          displayName: "The Web"
                          members: alice, bob
                          admins: none
+   stacks                shop/prod: write
+   environments          shop/prod: permission: open, maxOpenDuration: 1h
! service  checkout       was payments-checkout
                          description: Cards. -> "Card payments."
-   stacks                a/old
+   stacks                checkout-web/prod
-   properties            book: x
+   properties            runbook: https://wiki.example/checkout (type: url)
!   properties            tier: 2 -> tier: 1
! token    ci-deploy      rotation: 2 -> 3
                          create ci-deploy.3-… -> value to file:secrets/ci -> revoke ci-deploy.2
                          ci-deploy.2 was used 2 hours ago, and stops working a day after this is applied
```

<details><summary>Details and sources (7 changes)</summary>

| change | field | before | after | from |
|---|---|---|---|---|
| `role/stack-auditor` | `description` |  | `"Reads every stack of every project there is, and nothing els..." (75 characters)` | `org/org.yaml:3` |
| `role/stack-auditor` | `grants` |  | `{permissions: [stack:read], stacks: [shop/prod, shop/staging]}` | `org/org.yaml:3` |
| `member/bob` | `role` | `admin` | `member` | `org/org.yaml:9` |
| `member/erin` | `role` |  | `member` | `org/org.yaml:14` |
| `team/data-eng` | `members` | `bob, carol, frank` |  | `no longer declared` |
| `team/data-eng` | `stacks` | `etl/prod: write` |  | `no longer declared` |
| `team/web` | `kind` |  | `pulumi` | `org/teams/web.yaml:2` |
| `team/web` | `displayName` |  | `"The Web"` | `org/teams/web.yaml:2` |
| `team/web` | `members` |  | `alice, bob` | `org/teams/web.yaml:2` |
| `team/web` | `admins` |  | `none` | `org/teams/web.yaml:2` |
| `team/web` | `stacks` |  | `shop/prod: write` | `org/teams/web.yaml:2` |
| `team/web` | `environments` |  | `shop/prod: {permission: open, maxOpenDuration: 1h}` | `org/teams/web.yaml:2` |
| `service/checkout` | `name` | `payments-checkout` | `checkout` | `org/services.yaml:4` |
| `service/checkout` | `description` | `Cards.` | `"Card payments."` | `org/services.yaml:4` |
| `service/checkout` | `items` | `-stacks/a/old` | `+stacks/checkout-web/prod` | `org/services.yaml:4` |
| `service/checkout` | `properties` | `{key: tier, value: 2}, {key: book, value: x}` | `{key: tier, value: 1}, {key: runbook, value: https://wiki.example/checkout, type: url}` | `org/services.yaml:4` |
| `token/ci-deploy` | `rotation` | `2` | `3` | `org/services.yaml:18` |

</details>

<details><summary>Drift on the base branch: 1 change, not from this pull request</summary>

```diff
! team  platform  members: -zoe
```

</details>

<details><summary>Unmanaged: live, in no manifest, left alone</summary>

```text
members  40
teams  2: ml, web-old
```

</details>

`3f2a91c` · plan `9b1f0c62d1e4` · 12 writes · read with 35 requests · [full plan](https://example.invalid/artifact)

"#]].raw());
    }

    #[test]
    fn no_changes_is_a_short_comment() {
        assert_data_eq!(
            plan(&sample::empty(), Options { sandbox: true, ..Options::default() }),
            str![[r#"
<!-- bylaws:plan org=acme -->
<!-- bylaws:meta checksum=9b1f0c62d1e4 -->
### `acme` (sandbox): no changes

It matches `org/` (20 objects checked).

plan `9b1f0c62d1e4`

"#]]
            .raw()
        );
        let mut made = sample::empty();
        made.status.complete = false;
        made.diagnostics = vec![sample::finding("not-visible", "", "the list of teams answered 403", false)];
        assert_data_eq!(
            plan(&made, Options::default()),
            str![[r#"
<!-- bylaws:plan org=acme -->
<!-- bylaws:meta checksum=9b1f0c62d1e4 -->
### `acme`: no changes in what could be seen

**Not everything could be seen**, so this plan cannot be applied.
- not-visible: the list of teams answered 403

plan `9b1f0c62d1e4`

"#]]
            .raw()
        );
    }

    /// The sample with `count` more of everything.
    fn large(count: usize) -> Plan {
        let mut made = sample::plan();
        for index in 0..count {
            let mut it = sample::change(Verb::Create, &format!("member/newcomer-{index}"));
            it.after = serde_json::json!({"role": "member"});
            made.changes.push(it);
            made.unmanaged[0].names.push(format!("unmanaged-{index}"));
        }
        made
    }

    #[test]
    fn a_long_comment_loses_details_and_never_dangers() {
        let steps = [usize::MAX, 60_000, 20_000, 6_000, 2_000];
        let texts = steps.map(|max_bytes| plan(&large(200), Options { max_bytes, ..Options::default() }));
        for (text, max_bytes) in texts.iter().zip(steps) {
            assert!(text.len() <= max_bytes, "{} in {max_bytes}", text.len());
            let head = [
                "### `acme`: 3 to add",
                "**1 to delete**",
                "**Deletes** `team/data-eng`.",
                "**delete-team**",
                "**few-admins**",
            ];
            for part in head {
                assert!(text.contains(part), "{part} in {max_bytes}");
            }
        }
        assert!(
            plan(&large(200), Options { max_bytes: 0, ..Options::default() }).contains("**Deletes** `team/data-eng`.")
        );
    }

    #[test]
    fn each_cut_says_what_is_missing() {
        let cut = |max_bytes| plan(&large(200), Options { max_bytes, ..Options::default() });
        let all = cut(usize::MAX);
        assert!(!all.contains("not shown here"));
        let mut sentences = Vec::new();
        let mut length = all.len();
        loop {
            let text = cut(length - 1);
            if text.len() >= length {
                break;
            }
            length = text.len();
            sentences.extend(text.lines().filter(|it| it.ends_with("not shown here")).map(str::to_owned));
        }
        assert_data_eq!(
            sentences.join("\n"),
            str![[r#"
The fields of 203 additions are not shown here
The details of 208 changes are not shown here
208 changes and 1 note are not shown here
208 changes and 1 note are not shown here
"#]]
        );
    }

    #[test]
    fn a_comment_is_found_by_its_first_line() {
        let text = plan(&sample::plan(), Options::default());
        assert_eq!(text.lines().next(), Some(marker("acme").as_str()));
        assert_eq!(marker("acme"), "<!-- bylaws:plan org=acme -->");
    }
}
