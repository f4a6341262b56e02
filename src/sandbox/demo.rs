//! The demo organization `acme`.

use crate::sandbox::caller::hash;
use crate::sandbox::clock::DAY;
use crate::sandbox::seed::Seed;
use crate::sandbox::seed::allow;
use crate::sandbox::state::DirectoryUser;
use crate::sandbox::state::EnvironmentGrant;
use crate::sandbox::state::GithubTeam;
use crate::sandbox::state::Member;
use crate::sandbox::state::State;
use serde_json::Value;
use serde_json::json;

const HOUR: i64 = 3600;

/// The organization `acme`: twelve people, five teams, six services, five tokens, two webhooks, one
/// OIDC issuer; all times relative to `now`.
pub fn demo(now: i64) -> State {
    let mut seed = Seed::new("acme", "Acme", now);
    seed.state.organization.lists_itself = true;
    people(&mut seed);
    let stacks = stacks(&mut seed);
    let (deployer, auditor) = roles(&mut seed, &stacks);
    teams(&mut seed);
    services(&mut seed);
    tokens(&mut seed, &deployer, &auditor);
    hooks(&mut seed);
    surroundings(&mut seed);
    let rules = json!({"aud": "urn:pulumi:org:acme", "sub": "repo:acme/shop:environment:prod"});
    seed.issuer("github-actions", "https://token.actions.githubusercontent.com", &deployer, rules);
    directory(&mut seed);
    seed.state
}

fn people(seed: &mut Seed) {
    for (login, name, role) in [
        ("alice", "Alice Archer", "admin"),
        ("bob", "Bob Brandt", "admin"),
        ("carol", "Carol Chen", "member"),
        ("dana", "Dana Diaz", "billing-manager"),
        ("frank", "Frank Fischer", "member"),
        ("grace", "Grace Gupta", "member"),
        ("heidi", "Heidi Holm", "member"),
        ("ivan", "Ivan Ilic", "member"),
        ("judy", "Judy Jones", "member"),
        ("ken", "Ken Kato", "member"),
        ("mallory", "Mallory Moore", "member"),
        ("zoe", "", "member"),
    ] {
        seed.member(login, name, role);
    }
    for (login, name) in [("erin", "Erin Ek"), ("mia", "Mia Meyer"), ("nina", "Nina Nowak")] {
        seed.account(login, name);
    }
    // Somebody of the identity provider who never joined.
    let potential = Member { login: "peggy".to_owned(), backend: true, ..Member::default() };
    seed.state.members.insert("peggy".to_owned(), potential);
}

/// The ids of `shop/prod` and `shop/staging`.
fn stacks(seed: &mut Seed) -> [String; 2] {
    let shop = [seed.stack("shop/prod", "bob"), seed.stack("shop/staging", "bob")];
    for (name, creator) in [
        ("checkout-web/prod", "carol"),
        ("etl/prod", "frank"),
        ("invoicing/prod", "bob"),
        ("platform/base", "alice"),
        ("infra/network", "alice"),
    ] {
        seed.stack(name, creator);
    }
    for name in ["shop/prod", "shop/staging", "checkout/prod", "default/base", "ci/tokens"] {
        seed.environment(name, "alice");
    }
    shop
}

/// The ids of `deployer` and `stack-auditor`.
fn roles(seed: &mut Seed, shop: &[String; 2]) -> (String, String) {
    let is = |id: &String| -> Value {
        json!({
            "__type": "PermissionExpressionEqual",
            "left": {"__type": "PermissionExpressionStack"},
            "right": {"__type": "PermissionLiteralExpressionStack", "identity": id},
        })
    };
    let [production, staging] = shop;
    let details = json!({
        "__type": "PermissionDescriptorGroup",
        "entries": [{
            "__type": "PermissionDescriptorCondition",
            "condition": {
                "__type": "PermissionExpressionOr",
                "left": is(production),
                "right": is(staging),
            },
            "subNode": allow(&["stack:read", "stack:write"]),
        }],
    });
    let deployer = seed.role("deployer", "Deploys the shop.", details);
    let auditor = seed.role("stack-auditor", "Reads every stack.", allow(&["stack:read"]));
    (deployer, auditor)
}

fn teams(seed: &mut Seed) {
    let team = seed.team("pulumi", "platform", "Platform", &["alice*", "bob", "zoe"]);
    team.description = "Runs the shared clusters.".to_owned();
    team.stacks.insert("shop/prod".to_owned(), 102);
    let max_open_duration = Some("1h0m0s".to_owned());
    let grant = EnvironmentGrant { permission: "open".to_owned(), max_open_duration };
    team.environments.insert("shop/prod".to_owned(), grant);
    let team = seed.team("pulumi", "payments", "Payments", &["bob", "carol"]);
    team.description = "Takes the money.".to_owned();
    // Whoever creates a stack for a team leaves this grant behind.
    team.stacks.insert("checkout-web/prod".to_owned(), 104);
    let team = seed.team("pulumi", "data-eng", "Data Engineering", &["bob", "carol", "frank"]);
    team.stacks.insert("etl/prod".to_owned(), 102);
    let team = seed.team("github", "web", "Web", &["grace", "heidi"]);
    team.github_id = Some(4141);
    seed.team("scim", "sre", "SRE", &["ivan", "judy"]);
}

fn services(seed: &mut Seed) {
    let properties = [("tier", "1", "string"), ("runbook", "https://wiki.example/checkout", "url")];
    seed.service(
        "team/payments",
        "payments-checkout",
        "Card payments.",
        &["stack/checkout-web/prod", "environment/checkout/prod"],
        &properties,
    );
    seed.service("team/payments", "billing-batch", "Nightly invoices.", &["stack/invoicing/prod"], &[]);
    seed.service("team/platform", "data-pipeline", "", &["stack/etl/prod"], &[]);
    let items = ["stack/shop/prod", "stack/shop/staging", "environment/shop/prod"];
    seed.service("team/web", "storefront", "The shop window.", &items, &[]);
    seed.service("team/sre", "alerting", "Wakes people up.", &[], &[]);
    seed.service("user/carol", "playground", "", &[], &[]);
}

fn tokens(seed: &mut Seed, deployer: &str, auditor: &str) {
    let now = seed.now;
    let token = seed.token("ci-deploy", "alice", None);
    token.description = "Deploys from CI.".to_owned();
    token.role = Some(deployer.to_owned());
    token.expires = now + 60 * DAY;
    token.last_used = now - 2 * HOUR;
    let token = seed.token("legacy-deploy", "bob", None);
    token.admin = true;
    token.created = now - 380 * DAY;
    token.last_used = now - 3 * DAY;
    let token = seed.token("drift-reader", "alice", None);
    token.description = "Reads for the nightly drift check.".to_owned();
    token.role = Some(auditor.to_owned());
    token.expires = now + 300 * DAY;
    let token = seed.token("platform-bot", "alice", Some("platform"));
    token.expires = now + 120 * DAY;
    token.last_used = now - 26 * HOUR;
    let token = seed.token("payments-ci", "bob", Some("payments"));
    token.expires = now + 90 * DAY;
    token.last_used = now - 5 * HOUR;
}

fn hooks(seed: &mut Seed) {
    let hook = seed.hook("ops", "Operations", "https://hooks.example/ops", &["stacks", "deployments"]);
    hook.filters = vec!["policy_violation_mandatory".to_owned()];
    hook.secret_hash = hash("of-the-demo");
    let hook = seed.hook("chat", "Chat", "https://chat.example/hooks/acme", &["environments"]);
    hook.format = "slack".to_owned();
    hook.active = false;
}

/// Whom the identity provider knows: two people of its team, and one who left.
fn directory(seed: &mut Seed) {
    for (login, given, family, active) in
        [("ivan", "Ivan", "Ilic", true), ("judy", "Judy", "Jones", true), ("oscar", "Oscar", "Olsen", false)]
    {
        let user = DirectoryUser {
            id: seed.state.next_id("su"),
            user_name: format!("{login}@acme.example"),
            given_name: given.to_owned(),
            family_name: family.to_owned(),
            active,
            login: login.to_owned(),
        };
        seed.state.directory.insert(user.id.clone(), user);
    }
}

fn surroundings(seed: &mut Seed) {
    seed.state.saml_admin = Some("alice".to_owned());
    for (id, name, slug, members) in
        [(4141, "Web", "web", &["grace", "heidi"][..]), (4242, "Mobile", "mobile", &["ken", "zoe"][..])]
    {
        let team = GithubTeam {
            organization: "acme-gh".to_owned(),
            name: name.to_owned(),
            slug: slug.to_owned(),
            description: String::new(),
            members: members.iter().map(|it| (*it).to_owned()).collect(),
        };
        seed.state.github_teams.insert(id, team);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_named_exists() {
        let state = demo(1_787_306_400);
        assert_eq!(state.members.values().filter(|it| it.known).count(), 12);
        assert_eq!((state.teams.len(), state.services.len(), state.tokens.len()), (5, 6, 5));
        for team in state.teams.values() {
            assert!(team.members.keys().all(|it| state.joined(it).is_some()), "{}", team.name);
            assert!(team.stacks.keys().all(|it| state.stacks.contains_key(it)), "{}", team.name);
            assert!(team.environments.keys().all(|it| state.environments.contains_key(it)), "{}", team.name);
        }
        for service in state.services.values() {
            let owner = &service.owner.name;
            assert!(state.teams.contains_key(owner) || state.joined(owner).is_some(), "{}", service.name);
            assert!(service.items.values().all(|it| match it.kind.as_str() {
                "stack" => state.stacks.contains_key(&it.name),
                _ => state.environments.contains_key(&it.name),
            }));
        }
        assert!(state.tokens.values().all(|it| state.burnt_token_names.contains(&it.name)));
    }

    #[test]
    fn a_state_survives_its_file() {
        let state = demo(1_787_306_400);
        let text = serde_json::to_string_pretty(&state).expect("a text");
        assert_eq!(serde_json::from_str::<State>(&text).expect("a state"), state);
    }
}
