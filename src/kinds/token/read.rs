//! Tokens as the service answers them, grouped by their logical names.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::kinds::{self, Finished, Reader};
use crate::model::{Instant, LiveObject, Read, Scope, Snapshot};

/// Reads the lists of tokens that the manifest names, and all of them where somebody goes.
pub(super) struct TokenReader {
    scope: Scope,
    /// With the team, for a team's.
    listed: Vec<(Option<String>, Record)>,
    asked: BTreeSet<String>,
    /// How many lists were asked for and have not come to their end.
    open: usize,
    searched: bool,
    /// Teams whose tokens the service does not find.
    absent: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    tokens: Vec<Record>,
    #[serde(default)]
    continuation_token: Option<String>,
}

#[derive(Deserialize)]
struct Teams {
    teams: Vec<Team>,
}

#[derive(Deserialize)]
struct Team {
    name: String,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    id: String,
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    created: Option<String>,
    #[serde(default)]
    created_by: Option<String>,
    #[serde(default)]
    last_used: Value,
    #[serde(default)]
    expires: i64,
    #[serde(default)]
    admin: bool,
    #[serde(default)]
    role: Option<Role>,
    #[serde(rename = "type", default)]
    kind: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Role {
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
    // Empty for custom roles.
    #[serde(default, deserialize_with = "kinds::told")]
    default_identifier: Option<String>,
}

/// What is kept of one live token: enough to revoke it, and to judge whether that hurts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LiveToken {
    pub id: String,
    pub name: String,
    pub team: Option<String>,
    pub rotation: u32,
    pub created: Option<i64>,
    pub created_by: Option<String>,
    pub last_used: Option<i64>,
    pub expires: i64,
}

/// A token's facts: the one that counts, and its predecessors that are still alive.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Generations {
    pub current: LiveToken,
    pub older: Vec<LiveToken>,
}

impl TokenReader {
    pub(super) fn new(scope: Scope) -> Self {
        Self { scope, listed: Vec::new(), asked: BTreeSet::new(), open: 0, searched: false, absent: BTreeSet::new() }
    }

    fn team(&mut self, team: &str) -> Option<Read> {
        if !self.asked.insert(team.to_owned()) {
            return None;
        }
        let path = kinds::org_path(&self.scope.organization.name, ["teams", team, "tokens"]);
        // Without the filter the service hides expired ones, without the size it pages by a hundred.
        self.open += 1;
        Some(Read::whole(format!("team {team}"), path).paged().query("filter", "all").query("maxResults", "1000"))
    }

    /// A list has come to its end.
    ///
    /// A tombstone does not say where its token belongs. Only when something that shall go is in none of the
    /// other lists are all teams asked, one request each: what lives on unseen would stay alive for ever.
    fn ended(&mut self) -> Vec<Read> {
        self.open = self.open.saturating_sub(1);
        let without_teams = self.scope.organization.features.get("teamsEnabled") == Some(&false);
        if self.open > 0 || self.searched || without_teams {
            return Vec::new();
        }
        let here: BTreeSet<&str> = self.listed.iter().map(|(_, it)| logical_name(&it.name).0).collect();
        let found = self.scope.doomed.keys().all(|it| here.contains(it.as_str()));
        if found && !self.scope.everything && !self.scope.in_full {
            return Vec::new();
        }
        vec![self.search()]
    }

    /// All teams, to ask each for its tokens.
    fn search(&mut self) -> Read {
        self.searched = true;
        Read::whole("teams", kinds::org_path(&self.scope.organization.name, ["teams"]))
    }
}

impl Reader for TokenReader {
    fn start(&mut self) -> Vec<Read> {
        let off = |feature: &str| self.scope.organization.features.get(feature) == Some(&false);
        let (without_tokens, without_teams) = (off("machineTokensEnabled"), off("teamsEnabled"));
        if self.scope.declared.is_empty() && self.scope.doomed.is_empty() && without_tokens {
            return Vec::new();
        }
        let scope = &self.scope;
        // Where the manifest says, and where the base branch said: a token that moved is where it was.
        let said = scope.declared.values().chain(scope.based.values()).chain(scope.doomed.values());
        let said: BTreeSet<&str> = said.map(|it| it["scope"].as_str().unwrap_or("organization")).collect();
        let everywhere = scope.everything || scope.in_full || scope.listed || scope.wherever;
        let mut reads = Vec::new();
        let teams: Vec<String> = said.iter().filter_map(|it| it.strip_prefix("team/")).map(str::to_owned).collect();
        if everywhere || said.contains("organization") {
            self.open = 1;
            let path = kinds::org_path(&self.scope.organization.name, ["tokens"]);
            reads.push(Read::whole("organization", path).paged().query("filter", "all").query("maxResults", "1000"));
        }
        reads.extend(teams.iter().filter_map(|team| self.team(team)));
        if self.scope.wherever && !without_teams {
            reads.push(self.search());
        }
        reads
    }

    fn page(&mut self, read: &Read, body: &[u8]) -> Result<Vec<Read>, String> {
        if read.tag == "teams" {
            let teams = kinds::page::<Teams>(body)?.teams;
            return Ok(teams.iter().filter_map(|it| self.team(&it.name)).collect());
        }
        let page: Tokens = kinds::page(body)?;
        let team = read.tag.strip_prefix("team ").map(str::to_owned);
        let last = page.continuation_token.as_deref().unwrap_or_default().is_empty();
        self.listed.extend(page.tokens.into_iter().map(|it| (team.clone(), it)));
        Ok(if last { self.ended() } else { Vec::new() })
    }

    fn absent(&mut self, read: &Read) -> Result<Vec<Read>, String> {
        // A team that is only about to be made has no tokens yet; whether it exists, the teams tell.
        match read.tag.strip_prefix("team ") {
            Some(team) => {
                self.absent.insert(team.to_owned());
                Ok(self.ended())
            }
            None => Err(format!("/{} answered 404", read.path.join("/"))),
        }
    }

    fn finish(self: Box<Self>, before: &Snapshot) -> Finished {
        let Self { scope, listed, absent, .. } = *self;
        let mut groups: BTreeMap<String, Vec<(LiveToken, Record)>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for (team, record) in listed {
            // A list that moves while it is read shows a token twice; it is no predecessor of itself.
            if !seen.insert(record.id.clone()) {
                continue;
            }
            let foreign = record.kind.as_deref().is_some_and(|it| !matches!(it, "organization" | "team"));
            let expired = record.expires != 0 && record.expires <= scope.now.0;
            if foreign || expired {
                continue;
            }
            let (name, rotation) = logical_name(&record.name);
            let token = LiveToken {
                id: record.id.clone(),
                name: record.name.clone(),
                team,
                rotation,
                created: record.created.as_deref().and_then(|it| Instant::parse(it).ok()).map(|it| it.0),
                created_by: record.created_by.clone(),
                last_used: moment(&record.last_used),
                expires: record.expires,
            };
            groups.entry(name.to_owned()).or_default().push((token, record));
        }
        let mut objects = Vec::new();
        for (name, mut tokens) in groups {
            // The declared scope's own first, then the highest rotation, then the youngest.
            let scope_of =
                |it: &LiveToken| it.team.as_ref().map_or("organization".to_owned(), |team| format!("team/{team}"));
            let declared = scope.declared.get(&name).and_then(|it| it["scope"].as_str());
            tokens.sort_by_key(|(it, _)| {
                (
                    declared.is_some_and(|wanted| wanted != scope_of(it)),
                    std::cmp::Reverse((it.rotation, it.created)),
                    it.name.clone(),
                )
            });
            let mut tokens = tokens.into_iter();
            let Some((current, record)) = tokens.next() else { continue };
            let mut spec = Map::new();
            spec.insert("scope".to_owned(), json!(scope_of(&current)));
            spec.insert("description".to_owned(), json!(record.description.clone().unwrap_or_default()));
            if let Some(role) = role_of(&record, before) {
                spec.insert("role".to_owned(), json!(role));
            }
            if current.expires != 0 {
                spec.insert("expires".to_owned(), json!(Instant(current.expires).to_text()));
            }
            spec.insert("rotation".to_owned(), json!(current.rotation));
            let older = tokens.map(|it| it.0).collect();
            objects.push(LiveObject {
                name,
                spec: Value::Object(spec),
                facts: serde_json::to_value(Generations { current, older }).unwrap_or_default(),
                ..LiveObject::default()
            });
        }
        let teams = before.kind("team");
        let not_made = |team: &&String| {
            let known = teams.read && teams.incomplete.is_none();
            known && !teams.objects.contains_key(*team) && !teams.unknown_objects.contains_key(*team)
        };
        let hidden = absent.iter().find(|it| !not_made(it));
        let incomplete = hidden.map(|team| format!("the tokens of the team `{team}` are not found, though it exists"));
        Finished { objects, incomplete, ..Finished::default() }
    }
}

/// The logical name and the rotation of a live token: `ci.3-x7k2pq` is `ci`, 3; any other name is its own, 1.
pub(crate) fn logical_name(live: &str) -> (&str, u32) {
    let parts = live.rsplit_once('.').and_then(|(name, rest)| {
        let (rotation, nonce) = rest.split_once('-')?;
        let sound = nonce.len() == 6 && nonce.bytes().all(|it| matches!(it, b'a'..=b'z' | b'2'..=b'7'));
        let canonical = rotation.bytes().all(|it| it.is_ascii_digit()) && !rotation.starts_with('0');
        if name.is_empty() || !sound || !canonical {
            return None;
        }
        Some((name, rotation.parse().ok()?))
    });
    parts.unwrap_or((live, 1))
}

/// Unix seconds, or a text in older answers (CONTRACT D25); zero is never.
pub(crate) fn moment(value: &Value) -> Option<i64> {
    let seconds = value.as_i64().or_else(|| Instant::parse(value.as_str()?).ok().map(|it| it.0))?;
    Some(seconds).filter(|it| *it > 0)
}

/// What somebody would have written as `role`; nothing for what every token may do.
fn role_of(record: &Record, before: &Snapshot) -> Option<String> {
    if record.admin {
        return Some("admin".to_owned());
    }
    let role = record.role.as_ref()?;
    match role.default_identifier.as_deref() {
        Some("member") => None,
        Some(built_in) => Some(built_in.to_owned()),
        None => {
            let known = before.kind("role").objects.values().find(|it| it.facts["id"] == role.id);
            let name = known.map_or(&role.name, |it| &it.name);
            (!name.is_empty() && known.is_none_or(|it| it.facts["builtIn"] != "member")).then(|| name.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::logical_name;

    #[test]
    fn a_live_name_tells_its_logical_name_and_rotation() {
        assert_eq!(logical_name("ci-deploy.3-x7k2pq"), ("ci-deploy", 3));
        assert_eq!(logical_name("a.b.12-abcdef"), ("a.b", 12));
        for plain in ["ci-deploy", "ci.3", "ci.3-ABCDEF", "ci.03-abcdef", ".3-abcdef", "ci.3-abcde1", "ci.x-abcdef"] {
            assert_eq!(logical_name(plain), (plain, 1));
        }
    }
}
