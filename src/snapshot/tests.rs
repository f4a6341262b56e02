//! Whole readings, with readers made for the test, against a server that does what the test says.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::tests::server::{Does, Server};
use crate::api::tests::{client, quick};
use crate::api::{ApiError, Failure, Options};
use crate::kinds::{Finished, Reader};
use crate::model::{LiveObject, Read, Snapshot};
use crate::snapshot::Progress;
use crate::snapshot::gather::{Wanted, gather};

/// Reads a list of names from `api/LIST`, and `api/LIST/NAME` for each of them.
struct Listed {
    list: &'static str,
    paged: bool,
    details: bool,
    found: BTreeMap<String, Value>,
}

fn listed(list: &'static str) -> Listed {
    Listed { list, paged: false, details: true, found: BTreeMap::new() }
}

impl Reader for Listed {
    fn start(&mut self) -> Vec<Read> {
        let read = Read::whole("list", ["api", self.list]);
        vec![if self.paged { read.paged() } else { read }]
    }

    fn page(&mut self, read: &Read, body: &[u8]) -> Result<Vec<Read>, String> {
        let value: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        if read.tag != "list" {
            self.found.insert(read.tag.clone(), value);
            return Ok(Vec::new());
        }
        let names = value["names"].as_array().ok_or("no names")?.iter().filter_map(Value::as_str);
        let mut follows = Vec::new();
        for name in names {
            self.found.insert(name.to_owned(), Value::Null);
            if self.details {
                follows.push(Read::whole(name, ["api", self.list, name]).of(name));
            }
        }
        Ok(follows)
    }

    fn absent(&mut self, read: &Read) -> Result<Vec<Read>, String> {
        if read.path.last().is_some_and(|it| it == "gone") { Ok(Vec::new()) } else { Err("it is listed".to_owned()) }
    }

    fn finish(self: Box<Self>, before: &Snapshot) -> Finished {
        let facts = json!(before.kinds.keys().collect::<Vec<_>>());
        let object = |(name, spec)| LiveObject { name, spec, facts: facts.clone(), ..LiveObject::default() };
        Finished { objects: self.found.into_iter().map(object).collect(), ..Finished::default() }
    }
}

fn names(names: impl IntoIterator<Item = String>) -> Value {
    json!(names.into_iter().collect::<Vec<_>>())
}

async fn reading(server: &Server, readers: Vec<(&'static str, Listed)>) -> Result<Snapshot, ApiError> {
    let wanted = readers.into_iter().map(|(word, reader)| Wanted::new(word, word, Box::new(reader))).collect();
    gather(&client(&server.address, quick()), wanted, Snapshot::default(), &|_| {}).await
}

#[tokio::test(flavor = "current_thread")]
async fn lists_and_details_become_objects_in_the_order_of_the_kinds() {
    let server = Server::start(|_, seen| match seen.line.as_str() {
        "GET /api/teams" => Does::json(r#"{"names":["a","b"]}"#),
        "GET /api/people" => Does::json(r#"{"names":["Alice"]}"#),
        _ => Does::json(r#"{"x":1}"#),
    })
    .await;
    let snapshot = reading(&server, vec![("member", listed("people")), ("team", listed("teams"))]).await.expect("all");
    assert_eq!(server.count(), 5);
    assert_eq!(snapshot.object("member", "alice").expect("alice").name, "Alice");
    let team = snapshot.object("team", "b").expect("b");
    assert_eq!((&team.spec, &team.facts), (&json!({"x": 1}), &json!(["member"])));
    assert!(snapshot.kind("team").read && !snapshot.kind("role").read && snapshot.unseen.is_empty());
}

#[tokio::test(flavor = "current_thread")]
async fn the_next_page_of_a_list_goes_before_every_detail() {
    let server = Server::start(|_, seen| {
        let page = match seen.line.strip_prefix("GET /api/teams") {
            Some("") => 0,
            Some(rest) if rest.starts_with('?') => rest.rsplit('p').next().and_then(|it| it.parse().ok()).unwrap_or(0),
            _ => return Does::Waits(Duration::from_millis(1), Box::new(Does::json("{}"))),
        };
        let names = names((0..50).map(|it| format!("t{page}-{it}")));
        let token = if page < 4 { json!(format!("p{}", page + 1)) } else { Value::Null };
        Does::json(json!({"names": names, "continuationToken": token}).to_string())
    })
    .await;
    let told = RefCell::new(Progress::default());
    let wanted = vec![Wanted::new("team", "teams", Box::new(Listed { paged: true, ..listed("teams") }))];
    let reads = client(&server.address, Options { concurrency: 4, ..quick() });
    let snapshot = gather(&reads, wanted, Snapshot::default(), &|it| *told.borrow_mut() = it).await.expect("all");
    assert_eq!(snapshot.kind("team").objects.len(), 250);
    assert_eq!((told.borrow().done, told.borrow().known), (255, 255));
    assert_eq!((server.count(), server.most.load(Ordering::SeqCst)), (255, 4));
    let lines = server.lines();
    let last_page = lines.iter().rposition(|it| it.contains('?')).expect("pages");
    // At most as many details as there is room for go out between two pages.
    assert!(last_page <= 5 * 4, "{last_page}");
}

#[tokio::test(flavor = "current_thread")]
async fn what_several_kinds_ask_for_is_asked_once() {
    let server = Server::start(|_, seen| match seen.line.as_str() {
        "GET /api/teams" => Does::json(r#"{"names":["a","b"],"continuationToken":"p"}"#),
        "GET /api/teams?continuationToken=p" => Does::json(r#"{"names":["c"]}"#),
        _ => Does::json("{}"),
    })
    .await;
    let paged = || Listed { paged: true, ..listed("teams") };
    let snapshot = reading(&server, vec![("team", paged()), ("service", paged())]).await.expect("all");
    assert_eq!(server.count(), 5, "{:?}", server.lines());
    assert_eq!(snapshot.kind("team").objects.len(), 3);
    assert_eq!(snapshot.kind("service").objects.len(), 3);
}

#[tokio::test(flavor = "current_thread")]
async fn entries_that_come_on_two_pages_count_once_and_are_told() {
    let server = Server::start(|_, seen| match seen.line.as_str() {
        "GET /api/teams" => Does::json(r#"{"names":["a","b"],"continuationToken":"p"}"#),
        "GET /api/teams?continuationToken=p" => Does::json(r#"{"names":["b","c"]}"#),
        _ => Does::json("{}"),
    })
    .await;
    let told = RefCell::new(Vec::new());
    let wanted = vec![Wanted::new("team", "teams", Box::new(Listed { paged: true, ..listed("teams") }))];
    let progress = |it: Progress| told.borrow_mut().extend(it.remark);
    let snapshot =
        gather(&client(&server.address, quick()), wanted, Snapshot::default(), &progress).await.expect("all");
    assert_eq!(snapshot.kind("team").objects.len(), 3);
    let [remark] = &told.borrow()[..] else { panic!("{told:?}") };
    assert_eq!(remark, "/api/teams changed while it was read: 1 entry came on two pages; what came twice counts once");
}

#[tokio::test(flavor = "current_thread")]
async fn what_could_not_be_read_is_unknown_and_never_empty() {
    let server = Server::start(|_, seen| match seen.line.as_str() {
        "GET /api/teams" => Does::json(r#"{"names":["a","b","gone","lost",".."]}"#),
        "GET /api/teams/b" => Does::Answers(403, "", br#"{"message":"team:read is missing"}"#.to_vec()),
        "GET /api/teams/gone" | "GET /api/teams/lost" => Does::Answers(404, "", b"{}".to_vec()),
        "GET /api/roles" => Does::Answers(403, "", b"{}".to_vec()),
        "GET /api/services" => Does::json(r#"{"names":["x"],"continuationToken":"again"}"#),
        "GET /api/services?continuationToken=again" => Does::json(r#"{"names":["y"],"continuationToken":"again"}"#),
        _ => Does::json("{}"),
    })
    .await;
    let services = Listed { paged: true, details: false, ..listed("services") };
    let kinds = vec![("role", listed("roles")), ("team", listed("teams")), ("service", services)];
    let snapshot = reading(&server, kinds).await.expect("a snapshot");

    let teams = snapshot.kind("team");
    assert_eq!(teams.objects.keys().collect::<Vec<_>>(), ["a", "gone"]);
    assert_eq!(teams.unknown_objects.keys().collect::<Vec<_>>(), ["..", "b", "lost"]);
    assert!(teams.incomplete.is_none());
    let role = snapshot.kind("role");
    assert!(role.read && role.objects.is_empty());
    assert_eq!(role.incomplete.as_deref(), Some("GET /api/roles: not allowed (403)"));
    assert!(snapshot.kind("service").incomplete.is_some());
    assert_eq!(snapshot.unseen.len(), 5, "{:?}", snapshot.unseen);
    assert_eq!(snapshot.unseen[2], "team/b: GET /api/teams/b: not allowed (403): team:read is missing");
}

#[tokio::test(flavor = "current_thread")]
async fn some_failures_end_the_reading() {
    for (status, headers, body) in [
        (401, "", "{}"),
        (302, "Location: /login\r\n", ""),
        (200, "", "<html>"),
        (200, "", r#"{"names":null}"#),
        (429, "Retry-After: 3600\r\n", ""),
    ] {
        let server = Server::start(move |_, seen| match seen.line.as_str() {
            "GET /api/teams" => Does::Answers(status, headers, body.as_bytes().to_vec()),
            _ => Does::json(r#"{"names":[]}"#),
        })
        .await;
        let result = reading(&server, vec![("role", listed("roles")), ("team", listed("teams"))]).await;
        let error = result.expect_err("the end");
        assert!(!matches!(error.failure, Failure::Connection { .. }), "{error}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn two_objects_of_one_name_are_unknown_unless_they_are_the_same() {
    struct Twice;
    impl Reader for Twice {
        fn start(&mut self) -> Vec<Read> {
            Vec::new()
        }
        fn page(&mut self, _: &Read, _: &[u8]) -> Result<Vec<Read>, String> {
            Ok(Vec::new())
        }
        fn finish(self: Box<Self>, _: &Snapshot) -> Finished {
            let object = |name: &str, role: &str| LiveObject {
                name: name.to_owned(),
                spec: json!({"role": role}),
                ..LiveObject::default()
            };
            let objects = vec![object("Ann", "admin"), object("ann", "member"), object("bob", "x"), object("bob", "x")];
            Finished { objects, incomplete: Some("the roster was cut".to_owned()), ..Finished::default() }
        }
    }
    let server = Server::start(|_, _| Does::HangsUp).await;
    let wanted = vec![Wanted::new("member", "members", Box::new(Twice))];
    let reads = client(&server.address, quick());
    let snapshot = gather(&reads, wanted, Snapshot::default(), &|_| {}).await.expect("a snapshot");
    let members = snapshot.kind("member");
    assert_eq!(members.objects.keys().collect::<Vec<_>>(), ["bob"]);
    assert_eq!(members.unknown_objects.keys().collect::<Vec<_>>(), ["ann"]);
    assert_eq!(snapshot.unseen[0], "members: the roster was cut");
}
