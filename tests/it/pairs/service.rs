//! The sandbox's routes called as functions: a service without sockets, for as many organizations as are wanted.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use bylaws::kinds::{self, Finished};
use bylaws::model::{Caller, Covers, Desired, Instant, KindState, Organization, Paging, Read, Scope, Snapshot};
use bylaws::plan;
use bylaws::sandbox::ask::Rules;
use bylaws::sandbox::caller::authenticate;
use bylaws::sandbox::router::{self, Desk, Moment, Who};
use bylaws::sandbox::store::Store;
use bylaws::sandbox::{LoggedRequest, State, TokenKind};
use serde_json::Value;
use tower::ServiceExt;

use crate::support::NOW_SECONDS;
use crate::support::published::{self, Side};

/// One organization at a time, and what it answers.
pub struct Service {
    desk: Desk,
    router: Router,
    runtime: tokio::runtime::Runtime,
    /// Answers to reads of the organization as it is, by address.
    known: RefCell<HashMap<String, (u16, Vec<u8>)>>,
    callers: RefCell<HashMap<String, Who>>,
    asked: RefCell<Option<(Caller, Organization)>>,
    /// The token in use.
    token: RefCell<String>,
}

/// What is wrong with some of the answers.
#[derive(Clone, Debug, Default)]
pub struct Troubles {
    /// A read fails whose address, hashed with this, says so.
    pub failing: Option<(u64, u64)>,
    /// Lists come in another order.
    pub turned: bool,
}

impl Service {
    pub fn new() -> Self {
        let store = Arc::new(Store::open(None, false, State::default).unwrap());
        let rules = Rules { member_role_by_name: true, ..Rules::default() };
        let desk = Desk { store, rules: Arc::new(rules) };
        Self {
            router: router::build(&desk),
            desk,
            runtime: tokio::runtime::Builder::new_current_thread().build().unwrap(),
            known: RefCell::default(),
            callers: RefCell::default(),
            asked: RefCell::default(),
            token: RefCell::default(),
        }
    }

    /// Serves this organization, to whoever has this token.
    pub fn is(&self, state: &State, token: &str) {
        let same = self.desk.store.with(|it| (it == state, false)).0 && *self.token.borrow() == token;
        if !same {
            self.desk.store.with(|it| (it.clone_from(state), true));
            self.forget();
            token.clone_into(&mut self.token.borrow_mut());
        }
    }

    fn forget(&self) {
        self.known.borrow_mut().clear();
        self.callers.borrow_mut().clear();
        *self.asked.borrow_mut() = None;
    }

    /// A look at the organization as it is now.
    pub fn look<T>(&self, at: impl FnOnce(&State) -> T) -> T {
        self.desk.store.with(|it| (at(it), false)).0
    }

    /// The organization as it is now.
    pub fn state(&self) -> State {
        self.desk.store.with(|it| (it.clone(), false)).0
    }

    /// One request, as the client would send it.
    pub fn ask(
        &self,
        method: &str,
        path: &[String],
        query: &[(String, String)],
        body: Option<&Value>,
    ) -> (u16, Vec<u8>) {
        let mut address = String::new();
        for segment in path {
            address.push('/');
            encode(segment, &mut address);
        }
        for (index, (name, value)) in query.iter().enumerate() {
            address.push(if index == 0 { '?' } else { '&' });
            encode(name, &mut address);
            address.push('=');
            encode(value, &mut address);
        }
        if method == "GET" {
            if let Some(known) = self.known.borrow().get(&address) {
                return known.clone();
            }
        } else {
            self.forget();
        }
        let directory = path.first().is_some_and(|it| it == "scim");
        let credentials = match directory {
            true => "Bearer scim-sandbox".to_owned(),
            false => format!("token {}", self.token.borrow()),
        };
        let who = self.who(&credentials);
        let mut request = Request::builder().method(method).uri(&address).header("authorization", credentials);
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let sent = body.map(|it| Body::from(it.to_string())).unwrap_or_default();
        let mut request = request.body(sent).unwrap_or_else(|error| panic!("{method} {address}: {error}"));
        request.extensions_mut().insert(who);
        request.extensions_mut().insert(Moment(NOW_SECONDS));
        let answer = self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let status = response.status().as_u16();
            (status, axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec())
        });
        if method == "GET" {
            self.known.borrow_mut().insert(address, answer.clone());
        } else {
            let (path, query) = address.split_once('?').unwrap_or((&address, ""));
            let exchange = LoggedRequest {
                method: method.to_owned(),
                path: path.to_owned(),
                query: query.to_owned(),
                body: body.cloned(),
                authorization_ok: true,
                status: answer.0,
                answer: serde_json::from_slice(&answer.1).ok(),
                connection: 1,
                // The organizations here lack most of the switches that the published contract names.
                fault: (path == "/api/orgs/acme").then(|| "few switches".to_owned()),
            };
            published::hold(&[exchange], Side::Both);
        }
        answer
    }

    /// Whoever has these credentials.
    fn who(&self, credentials: &str) -> Who {
        if let Some(who) = self.callers.borrow().get(credentials) {
            return who.clone();
        }
        let (who, _) = self.desk.store.with(|state| {
            // That a token was used is none of what is compared.
            let mut aside = state.clone();
            (Who(authenticate(&mut aside, Some(credentials), TokenKind::Personal, NOW_SECONDS).0), false)
        });
        self.callers.borrow_mut().insert(credentials.to_owned(), who.clone());
        who
    }

    /// Who asks, and what the organization is.
    fn preflight(&self) -> (Caller, Organization) {
        if let Some(known) = &*self.asked.borrow() {
            return known.clone();
        }
        let (user, metadata) = (self.object(&["api", "user"]), self.object(&["api", "orgs", "acme", "metadata"]));
        self.asked.borrow_mut().insert((caller(&user), organization(&metadata))).clone()
    }

    fn object(&self, path: &[&str]) -> Value {
        let path: Vec<String> = path.iter().map(|it| (*it).to_owned()).collect();
        let (status, body) = self.ask("GET", &path, &[], None);
        assert_eq!(status, 200, "{path:?}");
        serde_json::from_slice(&body).unwrap()
    }

    /// What this manifest needs to know of the organization.
    pub fn read(&self, desired: &Desired, troubles: &Troubles) -> Snapshot {
        self.read_scoped(|organization| plan::scopes(desired, organization, Instant(NOW_SECONDS)), troubles)
    }

    /// Everything that the kinds can read.
    pub fn read_everything(&self) -> Snapshot {
        let everything = |organization: &Organization| {
            let mut scopes = plan::scopes(&Desired::default(), organization, Instant(NOW_SECONDS));
            scopes.values_mut().for_each(|it| it.everything = true);
            scopes
        };
        self.read_scoped(everything, &Troubles::default())
    }

    fn read_scoped(
        &self,
        scopes: impl FnOnce(&Organization) -> BTreeMap<&'static str, Scope>,
        troubles: &Troubles,
    ) -> Snapshot {
        let (caller, organization) = self.preflight();
        let scopes = scopes(&organization);
        let mut live = Snapshot {
            backend: "sandbox".to_owned(),
            organization,
            caller,
            now: Instant(NOW_SECONDS),
            ..Snapshot::default()
        };
        for kind in kinds::ALL {
            let facts = kind.facts();
            let Some(scope) = scopes.get(facts.word).filter(|it| !it.is_empty()) else { continue };
            let spoken_of = scope.everything || !scope.declared.is_empty() || !scope.doomed.is_empty();
            let lacking = kind.unavailable(&Value::Null, &live.organization);
            let mut reader = kind.reader(scope.clone());
            let mut waiting = reader.start();
            let mut untold = Untold::default();
            while let Some(read) = waiting.pop() {
                waiting.extend(self.pages(&mut *reader, &read, troubles, &mut untold));
            }
            let (state, unseen) = untold.finish(facts.word, reader.finish(&live), lacking, spoken_of);
            live.kinds.insert(facts.word.to_owned(), state);
            live.unseen.extend(unseen);
        }
        live
    }

    /// Gives a reader all pages of what it asked for; what it asks for then is returned.
    fn pages(
        &self,
        reader: &mut dyn kinds::Reader,
        read: &Read,
        troubles: &Troubles,
        untold: &mut Untold,
    ) -> Vec<Read> {
        let mut follows = Vec::new();
        let mut query = read.query.clone();
        if troubles.strikes(read) {
            untold.mark(reader, read, "it was not answered");
            return follows;
        }
        loop {
            let (status, body) = self.ask("GET", &read.path, &query, None);
            match status {
                200 => {}
                404 if read.covers != Covers::Nothing => {
                    match reader.absent(read) {
                        Ok(more) => follows.extend(more),
                        Err(why) => untold.mark(reader, read, &why),
                    }
                    return follows;
                }
                _ => {
                    untold.mark(reader, read, &format!("it was answered {status}"));
                    return follows;
                }
            }
            let body = if troubles.turned { turned(&body) } else { body };
            follows.extend(reader.page(read, &body).unwrap_or_else(|why| panic!("{read:?}: {why}")));
            let token = match read.paging {
                Paging::Whole => return follows,
                Paging::ContinuationToken => "continuationToken",
                Paging::NextToken => "nextToken",
            };
            let page: Value = serde_json::from_slice(&body).unwrap();
            let Some(token) = page[token].as_str().filter(|it| !it.is_empty()) else { return follows };
            query.retain(|it| it.0 != "continuationToken");
            query.push(("continuationToken".to_owned(), token.to_owned()));
        }
    }
}

impl Troubles {
    fn strikes(&self, read: &Read) -> bool {
        let Some((seed, percent)) = self.failing else { return false };
        let text = format!("{}{:?}", read.path.join("/"), read.query);
        let hash = text
            .bytes()
            .fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, it| (hash ^ u64::from(it)).wrapping_mul(0x0100_0000_01b3));
        super::dice::Dice::new(hash).chance(percent)
    }
}

/// What was not answered.
#[derive(Default)]
struct Untold {
    lists: BTreeSet<String>,
    objects: BTreeMap<String, String>,
}

impl Untold {
    fn mark(&mut self, reader: &mut dyn kinds::Reader, read: &Read, why: &str) {
        match &read.covers {
            Covers::Nothing => reader.lost(read),
            Covers::Kind => drop(self.lists.insert(why.to_owned())),
            Covers::Object(name) => drop(self.objects.insert(name.clone(), why.to_owned())),
        }
    }

    fn finish(
        mut self,
        word: &str,
        finished: Finished,
        lacking: Option<String>,
        spoken_of: bool,
    ) -> (KindState, Vec<String>) {
        let Finished { objects, incomplete, unknown, facts } = finished;
        self.lists.extend(incomplete);
        self.objects.extend(unknown);
        let mut unknown: BTreeMap<String, String> =
            self.objects.into_iter().map(|(name, why)| (kinds::matching_key(word, &name), why)).collect();
        let mut state = KindState { facts, read: true, ..KindState::default() };
        for object in objects {
            let key = kinds::matching_key(word, &object.name);
            match state.objects.get(&key) {
                Some(other) if *other != object => drop(unknown.insert(key, "it is listed twice".to_owned())),
                _ => drop(state.objects.insert(key, object)),
            }
        }
        state.objects.retain(|key, _| !unknown.contains_key(key));
        let mut unseen: Vec<String> = self.lists.iter().map(|it| format!("{word}: {it}")).collect();
        unseen.extend(unknown.iter().map(|(key, why)| format!("{word}/{key}: {why}")));
        if let Some(lacking) = lacking {
            unseen.extend(spoken_of.then(|| format!("{word}: {lacking}")));
            self.lists.insert(lacking);
        }
        let reasons: Vec<String> = self.lists.into_iter().collect();
        state.incomplete = (!reasons.is_empty()).then(|| reasons.join("; "));
        state.unknown_objects = unknown;
        (state, unseen)
    }
}

/// The same page with its lists the other way round, where their order says nothing.
fn turned(body: &[u8]) -> Vec<u8> {
    const LISTS: [&str; 12] = [
        "members",
        "roles",
        "teams",
        "services",
        "tokens",
        "oidcIssuers",
        "invites",
        "items",
        "stacks",
        "environments",
        "Resources",
        "users",
    ];
    let mut page: Value = serde_json::from_slice(body).unwrap();
    match &mut page {
        Value::Array(list) => list.reverse(),
        page => {
            for list in LISTS {
                if let Some(list) = page.get_mut(list).and_then(Value::as_array_mut) {
                    list.reverse();
                }
            }
        }
    }
    page.to_string().into_bytes()
}

fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => into.push(char::from(byte)),
            _ => into.push_str(&format!("%{byte:02X}")),
        }
    }
}

fn caller(user: &Value) -> Caller {
    let text = |pointer: &str| user.pointer(pointer).and_then(Value::as_str).filter(|it| !it.is_empty());
    Caller {
        login: text("/githubLogin").unwrap_or_default().to_owned(),
        token: text("/tokenInfo/name").map(str::to_owned),
        team: text("/tokenInfo/team").map(str::to_owned),
    }
}

fn organization(metadata: &Value) -> Organization {
    let text = |name: &str| metadata[name].as_str().map(str::to_owned);
    let features = metadata["features"].as_object().into_iter().flatten();
    Organization {
        name: "acme".to_owned(),
        kind: text("kind"),
        user_role: text("userRole"),
        locked: text("locked"),
        member_count: metadata["memberCount"].as_u64(),
        max_access_token_expiry_days: metadata["maxAccessTokenExpiryDays"].as_i64(),
        default_role_id: text("defaultRoleId").filter(|it| !it.is_empty()),
        default_stack_permission: metadata["defaultStackPermission"].as_i64(),
        members_can_create_teams: metadata["membersCanCreateTeams"].as_bool(),
        default_environment_permission: text("defaultEnvironmentPermission"),
        features: features.filter_map(|(name, on)| Some((name.clone(), on.as_bool()?))).collect(),
    }
}
