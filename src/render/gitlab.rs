//! The counts GitLab's merge-request widget reads (`artifacts:reports:terraform`).

use serde_json::json;

use crate::model::Plan;

/// `{"create": …, "update": …, "delete": …}`. A rename is an update; a replacement deletes and creates.
pub fn plan(plan: &Plan) -> String {
    let summary = &plan.summary;
    let counts = json!({
        "create": summary.create + summary.replace,
        "update": summary.update + summary.rename,
        "delete": summary.delete + summary.replace,
    });
    format!("{counts}\n")
}

#[cfg(test)]
mod tests {
    use crate::render::sample;

    #[test]
    fn the_widget_gets_three_numbers() {
        assert_eq!(super::plan(&sample::plan()), "{\"create\":4,\"update\":2,\"delete\":2}\n");
    }
}
