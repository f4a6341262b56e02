//! What is about to go is read once more, immediately before.

use super::*;
use crate::model::Guard;

/// A deletion of a team that is guarded.
fn deletion() -> Plan {
    let path = ["orgs", "acme", "teams", "old"];
    let guard = Guard::new(path.map(str::to_owned).to_vec()).still("the kind", "/kind", "pulumi");
    let guard = guard.within("member", "/members", &["/githubLogin"], ["bob".to_owned()]);
    let call = Call::new(Method::Delete, path);
    plan(vec![steps_of("old", vec![action(1, Phase::Delete, &[], vec![call]).guarded(guard)])])
}

/// What becomes of the deletion, and what was sent, where the reading before it is answered like this.
async fn after(answer: impl Fn() -> Reply + Send + Sync + 'static) -> (Ran, Vec<String>) {
    let server = Server::start(move |seen| match seen.line.as_str() {
        "GET /orgs/acme/teams/old" => answer(),
        "DELETE /orgs/acme/teams/old" => done(),
        other => panic!("{other}"),
    })
    .await;
    let ran = apply(&deletion(), &server).await;
    (ran, server.lines())
}

#[tokio::test]
async fn what_is_as_it_was_goes_and_what_is_gone_stays_gone() {
    let same = json!({"kind": "pulumi", "members": [{"githubLogin": "Bob"}]});
    let (ran, sent) = after(move || Reply::Json(200, same.clone())).await;
    assert!(ran.is_done(1), "{:?}", ran.outcome(1));
    assert_eq!(sent, ["GET /orgs/acme/teams/old", "DELETE /orgs/acme/teams/old"]);
    let (ran, sent) = after(|| Reply::Json(404, json!({"code": 404, "message": "not found"}))).await;
    assert!(ran.is_done(1), "{:?}", ran.outcome(1));
    assert_eq!(sent.len(), 2);
}

#[tokio::test]
async fn what_has_changed_or_cannot_be_read_stays() {
    let changed = [
        (200, json!({"kind": "scim", "members": []}), "the kind is `scim`, and was `pulumi`"),
        (200, json!({"kind": "pulumi", "members": [{"githubLogin": "eve"}]}), "the member `eve` has come since"),
        (200, json!({"members": []}), "could not be read"),
        (403, json!({"code": 403, "message": "no"}), "could not be read"),
    ];
    for (status, body, why) in changed {
        let (ran, sent) = after(move || Reply::Json(status, body.clone())).await;
        let (message, uncertain) = ran.failed(1);
        assert!(message.contains(why) && !uncertain, "{message}");
        assert!(sent.iter().all(|it| it.starts_with("GET ")), "{sent:?}");
    }
}
