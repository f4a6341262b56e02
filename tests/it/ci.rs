//! In a pipeline: how much may be asked, what the runner is told, and the workflows to copy.

use serde_json::Value;

use crate::support::Stage;

const SMALL: &str = "organization: acme\nteams: {platform: {description: All.}, web: {description: Web.}}\n";

#[test]
fn a_reading_stays_within_what_is_allowed() {
    let stage = Stage::demo();
    stage.write("bylaws.yaml", SMALL);
    let run = stage.run(&["plan", "--format", "json"]).ended(0);
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    let taken = stage.requests().len();
    assert!(run.stderr.contains(&format!(" with {taken} requests: ")), "{taken}: {}", run.stderr);
    assert_eq!(plan["summary"]["writes"], 2);
    assert!(!run.stdout.contains(&format!("{taken} requests")), "how a plan was read is no part of it");

    for allowed in 1..taken + 2 {
        stage.service().clear_requests();
        let run = stage.run(&["plan", "--max-requests", &allowed.to_string()]);
        assert!(stage.requests().len() <= allowed.max(2), "{allowed}: {:?}", stage.requests());
        if allowed < taken {
            let run = run.ended(5);
            assert!(run.stdout.is_empty());
            assert!(run.stderr.contains(&format!("or more, and {allowed} are allowed")), "{}", run.stderr);
        } else {
            run.ended(0);
        }
    }
}
