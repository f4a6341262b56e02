//! Hands that build an organization: used by the demo and by generated ones.

use crate::sandbox::caller::hash;
use crate::sandbox::clock::DAY;
use crate::sandbox::state::Account;
use crate::sandbox::state::Environment;
use crate::sandbox::state::Hook;
use crate::sandbox::state::Issuer;
use crate::sandbox::state::Item;
use crate::sandbox::state::Member;
use crate::sandbox::state::Organization;
use crate::sandbox::state::Party;
use crate::sandbox::state::PolicySet;
use crate::sandbox::state::Property;
use crate::sandbox::state::Role;
use crate::sandbox::state::Service;
use crate::sandbox::state::Stack;
use crate::sandbox::state::State;
use crate::sandbox::state::Team;
use crate::sandbox::state::Token;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;

/// A state under construction, and the instant all its times are relative to.
pub struct Seed {
    pub state: State,
    pub now: i64,
}

/// Every switch there is.
#[rustfmt::skip]
const FEATURES: &[&str] = &[
    "accessTokenExpiryPolicyEnabled", "agentIntegrationCatalogEnabled", "agentPoolRegistrationEnabled",
    "agentScheduledTasksEnabled", "aiAgentsEnabled", "aiReviewCodeAccessEnabled", "aleEnabled", "approvalsEnabled",
    "auditLogUIFilteringEnabled", "auditLogsEnabled", "bitbucketVCSEnabled", "bringYourOwnKeyEnabled",
    "cliIntegrationCatalogEnabled", "crossGuardEnabled", "customRoleCondition", "customRolesEnabled",
    "customTemplatesEnabled", "customVCSEnabled", "dashboardOnboardingUIEnabled", "dependencyCachingEnabled",
    "deployEnabled", "deploymentOidcSettingsEnabled", "discoveredStacksEnabled", "driftDetectionEnabled",
    "driftRemediationEnabled", "environmentRevisionTagsEnabled", "environmentSecretRotationEnabled",
    "environmentsEnabled", "environmentsRestoreEnabled", "escEditorRevampEnabled",
    "escOnboardingAzureOAuthClientEnabled", "escOnboardingEnabled", "escOnboardingGcpOAuthClientEnabled",
    "escOnboardingV2Enabled", "expandedPolicyEnforcementLevelsEnabled", "fixDriftWithNeoEnabled",
    "getStartedOnboardEnabled", "ghAppDetailedDiffEnabled", "gitHubEnterpriseIndividualAuthEnabled",
    "gitHubEnterpriseIntegrationEnabled", "hasTerraformModules", "iacCloudImportEnabled",
    "insightsAutoPolicyPacksEnabled", "insightsMonetizationEnabled", "integrationAssistantEnabled",
    "legacyDeploymentsOrgToken", "machineTokensEnabled", "neoByokEnabled", "neoCodeReviewsEnabled",
    "neoPlanModeEnabled", "neoReadOnlyEnabled", "neoServerSideApprovalsEnabled", "neoTaskSharingEnabled",
    "neoTokenMeteringEnabled", "neoUsageLimitsEnabled", "nlpSearchEnabled", "notificationCenterEnabled",
    "pangeaAccountsScanPageEnabled", "policyIssueManagementEnabled", "policyManagementV2Enabled",
    "propertySearchUIEnabled", "resourceExportEnabled", "resourceSearchEnabled", "restoreStacksEnabled",
    "samlSsoEnabled", "scimEnabled", "selfHostedDeploymentsEnabled", "selfServeIDPRemoval",
    "serviceBackedConfigEnabled", "tagBasedDeploymentTriggersEnabled", "teamMemberRoleManagementEnabled",
    "teamsEnabled", "themingEnabled", "universalSearchEnabled", "unlinkedGitHubAppRecoveryEnabled",
    "usersCustomRolesEnabled", "webhooksEnabled",
];

/// A tree that grants scopes on everything.
pub fn allow(permissions: &[&str]) -> Value {
    json!({"__type": "PermissionDescriptorAllow", "permissions": permissions})
}

/// `user/carol` or `team/platform`.
pub fn party(text: &str) -> Party {
    let (kind, name) = text.split_once('/').unwrap_or(("user", text));
    Party { kind: kind.to_owned(), name: name.to_owned() }
}

impl Seed {
    /// An organization of kind `pulumi` with every feature, the built-in roles, and nobody in it.
    pub fn new(slug: &str, name: &str, now: i64) -> Seed {
        let settings: BTreeMap<String, Value> = [
            ("defaultStackPermission", json!(0)),
            ("defaultEnvironmentPermission", json!("none")),
            ("defaultAccountPermission", json!(0)),
            ("membersCanCreateTeams", json!(false)),
            ("membersCanCreateStacks", json!(true)),
            ("membersCanDeleteStacks", json!(false)),
            ("membersCanTransferStacks", json!(false)),
            ("membersCanCreateAccounts", json!(false)),
            ("naturalLanguageSearchDisabled", json!(false)),
            ("neoEnabled", json!(false)),
            ("neoAgentDisabled", json!(true)),
            ("neoApprovalMode", json!("manual")),
            ("neoCLIExplanationsDisabled", json!(true)),
            ("neoTaskSharingMode", json!("none")),
            ("preferredVCS", json!("none")),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        let organization = Organization {
            id: "o-1".to_owned(),
            slug: slug.to_owned(),
            name: name.to_owned(),
            kind: "pulumi".to_owned(),
            product: "business-critical".to_owned(),
            locked: "not-locked".to_owned(),
            created: now - 400 * DAY,
            default_role: String::new(),
            max_members: None,
            lists_itself: false,
            settings,
            features: FEATURES.iter().map(|it| ((*it).to_owned(), true)).collect(),
        };
        let mut seed = Seed { state: State { organization, ..State::default() }, now };
        let member = ["org_member:read", "team:list", "team:read", "role:read", "services:create"];
        for (identifier, name, scopes) in [
            ("admin", "Admin", &["organization:update"][..]),
            ("member", "Member", &member[..]),
            ("billing-manager", "Billing Manager", &["organization:billing"][..]),
        ] {
            let id = seed.role(name, "", allow(scopes));
            if let Some(role) = seed.state.roles.get_mut(&id) {
                role.default_identifier = Some(identifier.to_owned());
            }
        }
        let default = seed.state.role_by_identifier("member").map(|it| it.id.clone());
        seed.state.organization.default_role = default.unwrap_or_default();
        seed
    }

    pub fn role(&mut self, name: &str, description: &str, details: Value) -> String {
        let id = self.state.next_id("r");
        let created = self.now - 400 * DAY;
        let role = Role {
            id: id.clone(),
            name: name.to_owned(),
            description: description.to_owned(),
            resource_type: "global".to_owned(),
            ux_purpose: "role".to_owned(),
            details,
            default_identifier: None,
            version: 1,
            created,
            modified: created,
        };
        self.state.roles.insert(id.clone(), role);
        id
    }

    /// Somebody with an account of the service.
    pub fn account(&mut self, login: &str, name: &str) {
        let id = self.state.next_id("u");
        let account = Account { id, login: login.to_owned(), name: name.to_owned() };
        self.state.accounts.insert(login.to_lowercase(), account);
    }

    /// Somebody with an account and a built-in role.
    pub fn member(&mut self, login: &str, name: &str, identifier: &str) {
        self.account(login, name);
        let role = self.state.role_by_identifier(identifier).map(|it| it.id.clone());
        let role = role.unwrap_or_default();
        let member = Member {
            login: login.to_owned(),
            explicit: role != self.state.organization.default_role,
            role,
            created: Some(self.now - 300 * DAY),
            frontend: true,
            backend: true,
            known: true,
            virtual_admin: false,
        };
        self.state.members.insert(login.to_lowercase(), member);
    }

    /// A team and the people in it; one whose login ends in `*` administers it.
    pub fn team(&mut self, kind: &str, name: &str, display_name: &str, members: &[&str]) -> &mut Team {
        let people = members.iter().map(|it| match it.strip_suffix('*') {
            Some(login) => (login.to_owned(), "admin".to_owned()),
            None => ((*it).to_owned(), "member".to_owned()),
        });
        let team = Team {
            kind: kind.to_owned(),
            name: name.to_owned(),
            display_name: display_name.to_owned(),
            members: people.collect(),
            ..Team::default()
        };
        self.state.teams.entry(name.to_owned()).or_insert(team)
    }

    pub fn stack(&mut self, name: &str, creator: &str) -> String {
        let id = self.state.next_id("s");
        let number = self.state.stacks.len() as i64;
        let stack = Stack {
            id: id.clone(),
            last_update: Some(self.now - (1 + number) * 3600),
            resources: 12 + 3 * number,
            version: 7,
            creator: creator.to_owned(),
            ..Stack::default()
        };
        self.state.stacks.insert(name.to_owned(), stack);
        id
    }

    pub fn environment(&mut self, name: &str, owner: &str) -> String {
        let id = self.state.next_id("n");
        let environment = Environment {
            id: id.clone(),
            owner: owner.to_owned(),
            created: self.now - 200 * DAY,
            modified: self.now - 20 * DAY,
            ..Environment::default()
        };
        self.state.environments.insert(name.to_owned(), environment);
        id
    }

    /// A service with items such as `stack/shop/prod` and properties as key, value, type.
    pub fn service(
        &mut self,
        owner: &str,
        name: &str,
        description: &str,
        items: &[&str],
        properties: &[(&str, &str, &str)],
    ) {
        let created = self.now - 100 * DAY;
        let items = items.iter().map(|it| {
            let (kind, name) = it.split_once('/').unwrap_or(("stack", it));
            let item = Item { kind: kind.to_owned(), name: name.to_owned(), created, added_by: "alice".to_owned() };
            ((*it).to_owned(), item)
        });
        let properties = properties.iter().zip(0..).map(|((key, value, kind), order)| Property {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
            kind: (*kind).to_owned(),
            order,
        });
        let service = Service {
            name: name.to_owned(),
            owner: party(owner),
            description: description.to_owned(),
            created,
            members: vec![party(owner)],
            items: items.collect(),
            properties: properties.collect(),
        };
        self.state.services.insert(name.to_owned(), service);
    }

    /// An issuer whose only policy gives a token of the organization with this role.
    pub fn issuer(&mut self, name: &str, url: &str, role: &str, rules: Value) {
        let (id, policies) = (self.state.next_id("e"), self.state.next_id("p"));
        let (created, modified) = (self.now - 90 * DAY, self.now - 30 * DAY);
        let policy = json!({
            "decision": "allow", "tokenType": "organization", "authorizedPermissions": [], "roleID": role,
            "rules": rules,
        });
        let set = PolicySet { id: policies.clone(), version: 2, policies: vec![policy], created, modified };
        let issuer = Issuer {
            id: id.clone(),
            name: name.to_owned(),
            url: url.to_owned(),
            thumbprints: vec![hash(url)],
            max_expiration: Some(2 * 3600),
            jwks: None,
            created,
            modified,
            policies: policies.clone(),
        };
        self.state.policies.insert(policies, set);
        self.state.issuers.insert(id, issuer);
    }

    /// A token whose value is `pul-` and its name; of a team, or of the organization.
    pub fn token(&mut self, name: &str, created_by: &str, team: Option<&str>) -> &mut Token {
        let id = self.state.next_id("t");
        let kind = if team.is_some() { "team" } else { "organization" };
        let token = Token {
            id: id.clone(),
            kind: kind.to_owned(),
            team: team.map(str::to_owned),
            name: name.to_owned(),
            created: self.now - 60 * DAY,
            created_by: created_by.to_owned(),
            hash: hash(&format!("pul-{name}")),
            ..Token::default()
        };
        self.state.burnt_token_names.insert(name.to_owned());
        self.state.tokens.entry(id).or_insert(token)
    }

    /// An active webhook of the organization that is told of these groups of events.
    pub fn hook(&mut self, name: &str, display_name: &str, url: &str, groups: &[&str]) -> &mut Hook {
        let hook = Hook {
            name: name.to_owned(),
            display_name: display_name.to_owned(),
            payload_url: url.to_owned(),
            active: true,
            format: "raw".to_owned(),
            groups: groups.iter().map(|it| (*it).to_owned()).collect(),
            ..Hook::default()
        };
        self.state.hooks.entry(name.to_owned()).or_insert(hook)
    }
}
