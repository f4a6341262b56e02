//! A plan for a terminal.

use crate::model::{Change, Diagnostic, Impact, Plan, Verb};
use crate::plan::policy;
use crate::render::lines::{self, Sign};
use crate::render::text::Options;
use crate::render::text::layout::{self, Item, more, row};
use crate::render::{access, digest, escape};

/// A plan for people: counts, changes by kind, drift, what is unmanaged, dangers, what to run next.
pub fn plan(plan: &Plan, options: Options) -> String {
    let summary = summary(plan, options);
    let mut page = Page { options, items: vec![Item::Heading(summary.clone())] };
    page.changes(plan);
    page.access("access", &plan.impact, &[]);
    page.drift(plan);
    page.unmanaged(plan);
    page.findings(plan);
    page.next_step(plan);
    let text = layout::page(&page.items, options);
    if text.lines().count() <= options.height {
        return text;
    }
    page.items.extend([Item::Plain(String::new()), Item::Heading(summary)]);
    layout::page(&page.items, options)
}

fn summary(plan: &Plan, options: Options) -> String {
    let organization = options.organization(&plan.organization);
    if plan.status.errored {
        return format!("Planning for {organization} failed. Nothing can be applied.");
    }
    let counts = digest::counts(&plan.summary);
    let unchanged = plan.summary.unchanged;
    if plan.is_empty() {
        let checked = digest::checked(plan);
        return match plan.status.complete {
            true => {
                format!("No changes. {organization} {} ({checked}).", digest::agreement(plan, &digest::root(plan)))
            }
            false => format!("No changes for {organization} in what could be seen ({checked})."),
        };
    }
    let mut counts: Vec<_> = counts.into_iter().map(|(_, count, what)| format!("{count} {what}")).collect();
    if counts.is_empty() {
        counts.push(digest::only_drift(plan));
    }
    let unchanged = (unchanged > 0).then(|| format!("{unchanged} unchanged"));
    let rest = unchanged.into_iter().chain(digest::traffic(plan)).collect::<Vec<_>>().join(", ");
    let rest = if rest.is_empty() { rest } else { format!("   ({rest})") };
    format!("Plan for {organization}: {}{rest}", counts.join(", "))
}

/// What a plan means beyond its changes: who gains and loses access, what drifted apart, and everything found.
pub fn consequences(plan: &Plan, options: Options) -> String {
    let mut page = Page { options, items: Vec::new() };
    page.access("access", &plan.impact, &[]);
    page.access("access, by undoing drift", &plan.drift_impact, &plan.impact.unknown);
    page.findings(plan);
    layout::page(&page.items, options)
}

pub(super) struct Page<'a> {
    pub(super) options: Options<'a>,
    pub(super) items: Vec<Item>,
}

impl Page<'_> {
    fn section(&mut self, heading: &str) {
        self.items.extend([Item::Plain(String::new()), Item::Heading(heading.to_owned())]);
    }

    pub(super) fn changes(&mut self, plan: &Plan) {
        let mut kind = None;
        let own = digest::own(plan);
        for change in digest::ordered(own.iter().map(AsRef::as_ref)) {
            if kind.as_ref() != Some(&change.kind) {
                self.section(&digest::section(&change.kind));
                kind = Some(change.kind.clone());
            }
            // The one resource of a kind without names is called by its kind.
            let name = if change.name.is_empty() { &change.kind } else { &change.name };
            self.change(change, &escape::terminal(name));
        }
    }

    fn drift(&mut self, plan: &Plan) {
        let drift = digest::drift(plan);
        if drift.is_empty() {
            return;
        }
        self.section("drift: the organization has moved away from the base branch (would also be applied)");
        for change in digest::ordered(drift.iter().map(AsRef::as_ref)) {
            self.change(change, &escape::terminal(&change.id.to_string()));
        }
        self.access("access, by undoing this drift", &plan.drift_impact, &plan.impact.unknown);
    }

    fn change(&mut self, change: &Change, name: &str) {
        let mut right = match (&change.source, change.verb) {
            (None, Verb::Delete) => digest::reason(change),
            (Some(place), _) => digest::place(place),
            (None, _) => String::new(),
        };
        for line in lines::of(change, name) {
            self.items.push(Item::Row(line, Some(std::mem::take(&mut right))));
        }
    }

    /// Who gains and who loses; what was `said` to be not counted is not said again.
    fn access(&mut self, heading: &str, impact: &Impact, said: &[String]) {
        if impact.effects.is_empty() && impact.unknown.iter().all(|it| said.contains(it)) {
            return;
        }
        self.section(&format!("{heading}: {}", access::counts(impact)));
        let effects: Vec<_> = impact.effects.iter().collect();
        self.items.extend(access::lines(&effects).into_iter().map(|it| Item::Row(it, None)));
        for sentence in impact.unknown.iter().filter(|it| !said.contains(it)) {
            self.items.push(row(Sign::None, "not counted", escape::terminal(sentence)));
        }
    }

    fn unmanaged(&mut self, plan: &Plan) {
        let kinds = digest::unmanaged(plan, true);
        if !kinds.is_empty() {
            self.section("unmanaged: live, in no manifest, left alone");
        }
        self.items.extend(kinds.into_iter().map(|(section, names)| row(Sign::None, section, names)));
    }

    fn findings(&mut self, plan: &Plan) {
        let digest::Findings { dangers, errors, unseen, notes } = digest::findings(plan);
        if !errors.is_empty() {
            self.section("Errors");
            errors.into_iter().for_each(|it| self.finding(Sign::Danger, it));
        }
        if !unseen.is_empty() {
            self.section("Not seen");
            unseen.into_iter().for_each(|it| self.finding(Sign::None, it));
        }
        if dangers.is_empty() && notes.is_empty() {
            return;
        }
        self.section(if dangers.is_empty() { "Notes" } else { "Dangers" });
        for danger in dangers {
            self.finding(Sign::Danger, danger);
        }
        for note in notes {
            self.finding(Sign::None, note);
        }
    }

    fn finding(&mut self, sign: Sign, it: &Diagnostic) {
        self.items.push(row(sign, escape::terminal(&it.code), escape::terminal(&it.message)));
        if it.blocking {
            self.items.push(more(format!("[{}]", digest::remedy(it))));
        } else if let Some(help) = &it.help {
            self.items.push(more(escape::terminal(help)));
        }
        for related in &it.related {
            self.items.push(more(escape::terminal(&related.message)));
        }
    }

    /// What to run to apply exactly this, or why nothing can be run.
    fn next_step(&mut self, plan: &Plan) {
        if plan.is_empty() || plan.status.errored {
            return;
        }
        let mut sentences = Vec::new();
        if !plan.status.complete {
            sentences.push("Not everything could be seen, so this plan cannot be applied.".to_owned());
        }
        let dangers = digest::findings(plan).dangers;
        let allowances = digest::allowances(&dangers);
        match &allowances {
            _ if dangers.is_empty() => {}
            None => {
                let last = dangers.iter().filter(|it| digest::allowance(it).is_none()).count();
                let count = digest::count(dangers.len(), "danger blocks", "dangers block");
                let which = match (last, dangers.len()) {
                    (1, 1) => "it cannot be acknowledged".to_owned(),
                    (last, all) if last == all => "none of them can be acknowledged".to_owned(),
                    (last, _) => format!("{last} of them cannot be acknowledged"),
                };
                let own =
                    dangers.iter().filter(|it| digest::allowance(it).is_none()).any(|it| it.code != policy::LOCKED);
                let first = if own { "change the manifest" } else { "wait until the organization is not locked" };
                sentences.push(format!("{count} this plan, and {which}: {first}, then plan again."));
            }
            Some(_) => {
                sentences.push(digest::count(dangers.len(), "danger needs your say-so.", "dangers need your say-so."))
            }
        }
        sentences.extend(digest::rehearsal(plan).map(str::to_owned));
        // Without a command this is an apply, which goes on by itself.
        if self.options.command.is_empty() {
            self.items.push(Item::Plain(String::new()));
            return;
        }
        let possible = plan.status.complete && (plan.status.applyable || !dangers.is_empty());
        let command = allowances.filter(|_| possible).map(|allowances| {
            let checksum = escape::shell(plan.short_checksum());
            let mut command = format!("  {} --expect {checksum}", escape::terminal(self.options.command));
            allowances.iter().for_each(|it| command.extend([" ", it]));
            command
        });
        match command {
            Some(_) => sentences.push("Apply exactly this plan with:".to_owned()),
            None if sentences.is_empty() => sentences.push("This plan cannot be applied.".to_owned()),
            None => {}
        }
        self.items.extend([Item::Plain(String::new()), Item::Plain(sentences.join(" "))]);
        self.items.extend(command.map(Item::Plain));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use snapbox::{IntoData, assert_data_eq, str};

    use super::plan;
    use crate::model::{Plan, Verb};
    use crate::render::sample;
    use crate::render::text::Options;

    const WIDE: Options = Options {
        width: 100,
        height: usize::MAX,
        color: false,
        utf8: true,
        sandbox: false,
        command: "bylaws apply org",
    };

    #[test]
    fn a_plan_reads_from_counts_to_command() {
        assert_data_eq!(
            plan(&sample::plan(), WIDE),
            str![[r#"
Plan for acme: 3 to add, 1 to change, 1 to rename, 1 to replace, 1 to delete   (14 unchanged, 12 writes, read with 35 requests)

roles
+ stack-auditor          description: "Reads every stack of every project       org/org.yaml:3
                         there is, and nothing els..." (75 characters)
+   grants               permissions: [stack:read], stacks: [shop/prod,
                         shop/staging]

members
~ bob                    role: admin -> member                                  org/org.yaml:9
+ erin                   role: member                                           org/org.yaml:14

teams
- data-eng               members: bob, carol, frank                             no longer declared
                         stacks: etl/prod (write)
                         its token etl goes with it, last used 3 days ago
+ web                    kind: pulumi                                           org/teams/web.yaml:2
                         displayName: "The Web"
                         members: alice, bob
                         admins: none
+   stacks               shop/prod: write
+   environments         shop/prod: permission: open, maxOpenDuration: 1h

services
> checkout               was payments-checkout                                  org/services.yaml:4
                         description: Cards. -> "Card payments."
-   stacks               a/old
+   stacks               checkout-web/prod
-   properties           book: x
+   properties           runbook: https://wiki.example/checkout (type: url)
~   properties           tier: 2 -> tier: 1

tokens
± ci-deploy              rotation: 2 -> 3                                       org/services.yaml:18
                         create ci-deploy.3-… -> value to file:secrets/ci ->
                         revoke ci-deploy.2
                         ci-deploy.2 was used 2 hours ago, and stops working a
                         day after this is applied

access: gained by 2, lost by 4
+ 2 members              environment/shop/prod: open, stack/shop/prod: read -> write, through
                         team/web, team/platform (role/deployer)
                         alice, bob
- member/bob             organization: admin -> member, through role/admin
                         still through role/member, team/platform
- 3 members              stack/etl/prod: write, through team/data-eng
                         bob, carol, frank
- token/etl              stack/etl/prod: write, through team/data-eng
  not counted            of some teams only the names were read (`ml`, `web-old`): they may give the
                         same

drift: the organization has moved away from the base branch (would also be applied)
~ team/platform          members: -zoe                                          org/org.yaml:30

unmanaged: live, in no manifest, left alone
  members                40
  teams                  2: ml, web-old

Dangers
! delete-team            3 people lose team access; nothing restores its stack permissions
                         [needs --allow delete-team:team/data-eng]
! few-admins             `alice` becomes the only administrator of `acme`
                         [needs --allow few-admins:member/bob]
  token-outlives-member  `bob` made `legacy`, which keeps its rights

2 dangers need your say-so. Apply exactly this plan with:
  bylaws apply org --expect 9b1f0c62d1e4 --allow delete-team:team/data-eng --allow few-admins:member/bob

"#]]
        );
    }

    #[test]
    fn a_narrow_screen_has_no_sources() {
        let options = Options { width: 72, height: 20, utf8: false, sandbox: true, ..WIDE };
        assert_data_eq!(
            plan(&sample::plan(), options),
            str![[r#"
Plan for acme (sandbox): 3 to add, 1 to change, 1 to rename, 1 to replace, 1 to delete   (14 unchanged, 12 writes, read with 35 requests)

roles
+ stack-auditor          description: "Reads every stack of every
                         project there is, and nothing els..." (75
                         characters)
+   grants               permissions: [stack:read], stacks: [shop/prod,
                         shop/staging]

members
~ bob                    role: admin -> member
+ erin                   role: member

teams
- data-eng               members: bob, carol, frank
                         stacks: etl/prod (write)
                         its token etl goes with it, last used 3 days
                         ago
+ web                    kind: pulumi
                         displayName: "The Web"
                         members: alice, bob
                         admins: none
+   stacks               shop/prod: write
+   environments         shop/prod: permission: open, maxOpenDuration:
                         1h

services
> checkout               was payments-checkout
                         description: Cards. -> "Card payments."
-   stacks               a/old
+   stacks               checkout-web/prod
-   properties           book: x
+   properties           runbook: https://wiki.example/checkout (type:
                         url)
~   properties           tier: 2 -> tier: 1

tokens
* ci-deploy              rotation: 2 -> 3
                         create ci-deploy.3-… -> value to
                         file:secrets/ci -> revoke ci-deploy.2
                         ci-deploy.2 was used 2 hours ago, and stops
                         working a day after this is applied

access: gained by 2, lost by 4
+ 2 members              environment/shop/prod: open, stack/shop/prod:
                         read -> write, through team/web, team/platform
                         (role/deployer)
                         alice, bob
- member/bob             organization: admin -> member, through
                         role/admin
                         still through role/member, team/platform
- 3 members              stack/etl/prod: write, through team/data-eng
                         bob, carol, frank
- token/etl              stack/etl/prod: write, through team/data-eng
  not counted            of some teams only the names were read (`ml`,
                         `web-old`): they may give the same

drift: the organization has moved away from the base branch (would also be applied)
~ team/platform          members: -zoe

unmanaged: live, in no manifest, left alone
  members                40
  teams                  2: ml, web-old

Dangers
! delete-team            3 people lose team access; nothing restores its
                         stack permissions
                         [needs --allow delete-team:team/data-eng]
! few-admins             `alice` becomes the only administrator of
                         `acme`
                         [needs --allow few-admins:member/bob]
  token-outlives-member  `bob` made `legacy`, which keeps its rights

2 dangers need your say-so. Apply exactly this plan with:
  bylaws apply org --expect 9b1f0c62d1e4 --allow delete-team:team/data-eng --allow few-admins:member/bob

Plan for acme (sandbox): 3 to add, 1 to change, 1 to rename, 1 to replace, 1 to delete   (14 unchanged, 12 writes, read with 35 requests)

"#]]
        );
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let text = plan(&sample::plan(), Options { color: true, ..WIDE });
        assert!(text.contains("\u{1b}[31m- data-eng\u{1b}[0m"), "{text}");
        let stripped = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(stripped, plan(&sample::plan(), WIDE));
    }

    fn of(edit: impl FnOnce(&mut Plan)) -> String {
        let mut made = sample::empty();
        edit(&mut made);
        plan(&made, WIDE)
    }

    #[test]
    fn no_changes_is_one_sentence() {
        assert_eq!(of(|_| {}), "No changes. acme matches org/ (20 objects checked).\n");
        let text = of(|it| {
            it.status.complete = false;
            it.status.applyable = false;
            it.diagnostics = vec![sample::finding("not-visible", "", "the list of teams answered 403", false)];
        });
        assert_data_eq!(
            text,
            str![[r#"
No changes for acme in what could be seen (20 objects checked).

Not seen
  not-visible           the list of teams answered 403

"#]]
        );
    }

    #[test]
    fn the_last_lines_say_what_can_be_run() {
        let end = |edit: &dyn Fn(&mut Plan)| {
            let text = of(|it| {
                it.changes = vec![sample::change(Verb::Delete, "team/web")];
                it.summary.delete = 1;
                edit(it);
            });
            text.rsplit("\n\n").next().unwrap().to_owned()
        };
        assert_data_eq!(
            end(&|_| {}),
            str![[r#"
Apply exactly this plan with:
  bylaws apply org --expect 9b1f0c62d1e4

"#]]
        );
        let last = sample::finding("last-admin", "member/bob", "no administrator is left", true);
        let team = sample::finding("delete-team", "team/web", "4 people lose access", true);
        let block = |it: &mut Plan, dangers: &[&crate::model::Diagnostic]| {
            it.status.applyable = false;
            it.diagnostics = dangers.iter().map(|it| (*it).clone()).collect();
        };
        assert_data_eq!(
            end(&|it| block(it, &[&team])),
            str![[r#"
1 danger needs your say-so. Apply exactly this plan with:
  bylaws apply org --expect 9b1f0c62d1e4 --allow delete-team:team/web

"#]]
        );
        assert_data_eq!(
            end(&|it| block(it, &[&last])),
            str![[r#"
1 danger blocks this plan, and it cannot be acknowledged: change the manifest, then plan again.

"#]]
        );
        assert_data_eq!(
            end(&|it| block(it, &[&last, &team])),
            str![[r#"
2 dangers block this plan, and 1 of them cannot be acknowledged: change the manifest, then plan again.

"#]]
        );
        let mut locked = sample::finding("locked", "", "the organization is locked", true);
        assert_data_eq!(
            end(&|it| block(it, &[&locked, &team])),
            str![[r#"
2 dangers block this plan, and 1 of them cannot be acknowledged: wait until the organization is not locked, then plan again.

"#]]
        );
        locked.help = None;
        assert!(end(&|it| block(it, &[&locked, &last])).contains("change the manifest"));
        let unseen = |it: &mut Plan| {
            block(it, &[&team]);
            it.status.complete = false;
        };
        assert_data_eq!(
            end(&unseen),
            str![[r#"
Not everything could be seen, so this plan cannot be applied. 1 danger needs your say-so.

"#]]
        );
        assert_data_eq!(
            end(&|it| it.status.applyable = false),
            str![[r#"
This plan cannot be applied.

"#]]
        );
        assert_data_eq!(
            of(|it| {
                it.status.errored = true;
                it.diagnostics = vec![crate::model::Diagnostic::error("not-converging", "the plan would plan again")];
            }),
            str![[r#"
Planning for acme failed. Nothing can be applied.

Errors
! not-converging        the plan would plan again

"#]]
        );
    }

    #[test]
    fn a_danger_prints_its_own_help() {
        let mut danger = sample::finding("budget", "team", "7 of 20 teams would go", true);
        danger.help = Some("if that is meant, pass `--allow budget:team=7`".to_owned());
        let text = of(|it| {
            it.changes = vec![sample::change(Verb::Delete, "team/web")];
            it.diagnostics = vec![danger];
        });
        assert!(text.contains("\n! budget                7 of 20 teams would go\n"), "{text}");
        assert!(
            text.contains("\n                        [if that is meant, pass `--allow budget:team=7`]\n"),
            "{text}"
        );
        assert!(text.ends_with(" --allow budget:team=7\n"), "{text}");
    }

    #[test]
    fn every_shape_of_a_field_is_readable() {
        let text = of(|it| {
            let mut team = sample::change(Verb::Update, "team/platform");
            let (old, new) = (json!({"a/x": "read", "a/y": "read"}), json!({"a/y": "write", "a/z": "admin"}));
            let open = |permission: &str, more: serde_json::Value| json!({"a/x": {"permission": permission, "maxOpenDuration": more}});
            team.fields = vec![
                sample::parts(sample::field("/members", json!(["zoe"]), json!(["bob"])), &["bob"], &["zoe"], &[]),
                sample::parts(sample::field("/stacks", old, new), &["a/z"], &["a/x"], &["a/y"]),
                sample::parts(
                    sample::field("/environments", open("read", json!("1h")), open("open", json!(null))),
                    &[],
                    &[],
                    &["a/x"],
                ),
            ];
            let mut role = sample::change(Verb::Update, "role/deployer");
            let grant = |permission: &str| json!({"permissions": [permission], "stacks": ["shop/prod"]});
            role.fields = vec![
                sample::field(
                    "/grants",
                    json!([grant("stack:read"), grant("a:b")]),
                    json!([grant("a:b"), grant("stack:write")]),
                ),
                sample::field("/details", json!({"a": {"b": [1, 2]}}), json!({"a": {"b": [1, 3]}, "c": true})),
                sample::field("/description", json!(""), json!("Deploys.\nTwice.")),
            ];
            let mut owner = sample::change(Verb::Replace, "service/checkout");
            owner.reason = "owner".to_owned();
            owner.fields = vec![sample::field("/owner", json!("team/web"), json!("user/alice"))];
            let mut renewal = sample::change(Verb::Replace, "token/ci");
            renewal.reason = "renewal".to_owned();
            let mut gone = sample::change(Verb::Delete, "service/old");
            gone.reason = "tombstone".to_owned();
            gone.source = sample::at("org/removed.yaml", 3);
            gone.before = json!({
                "owner": "team/web", "description": "", "properties": [{"key": "tier", "value": "1"}],
                "items": {"stacks": ["a/b"], "environments": ["c/d", "e/f"]},
            });
            let mut new = sample::change(Verb::Create, &format!("service/{}", "long-".repeat(12)));
            new.after = json!({"owner": "team/web", "items": {"stacks": [], "environments": ["c/d"]}, "id": null});
            new.unknown = vec!["/id".to_owned()];
            (it.summary.create, it.summary.update, it.summary.replace, it.summary.delete) = (1, 2, 2, 1);
            it.changes = vec![team, role, owner, renewal, gone, new];
        });
        assert_data_eq!(
            text,
            str![[r#"
Plan for acme: 1 to add, 2 to change, 2 to replace, 1 to delete   (20 unchanged)

roles
~ deployer              description: "" -> "Deploys.\nTwice."
-   grants              permissions: [stack:read], stacks: [shop/prod]
+   grants              permissions: [stack:write], stacks: [shop/prod]
~   details             /a/b/1: 2 -> 3
~   details             /c: not set -> true

teams
~ platform              members: +bob, -zoe
-   stacks              a/x: read
~   stacks              a/y: read -> write
+   stacks              a/z: admin
~   environments        a/x: permission read -> open, maxOpenDuration 1h -> not
                        set

services
± checkout              owner: team/web -> user/alice
                        deleted and made anew (owner)
+ long-long-long-long-long-long-long-long-long-long-long-long-  owner: team/web
                        stacks: none
                        id: known after apply
+   environments        c/d
- old                   owner: team/web                                           org/removed.yaml:3
                        properties: tier: 1
                        items: stacks a/b; environments c/d, e/f

tokens
± ci                    renewal

Apply exactly this plan with:
  bylaws apply org --expect 9b1f0c62d1e4

"#]]
            .raw()
        );
    }
}
