//! Secrets that calls send: all are looked up before the first call, and none is kept any longer than the run.

use std::collections::BTreeMap;

use crate::model::{Plan, Secret};

/// Variables of the environment that no plan may send: they are what the program itself signs with.
const OWN: [&str; 2] = ["PULUMI_ACCESS_TOKEN", "BYLAWS_SCIM_TOKEN"];

/// The secrets a plan sends, by the name of the environment variable.
#[derive(Debug, Default)]
pub struct Secrets {
    by_variable: BTreeMap<String, Secret>,
}

/// The environment variables whose values a plan sends, each once.
pub fn variables(plan: &Plan) -> Vec<&str> {
    let calls = plan.all_changes().flat_map(|it| &it.steps).flat_map(|it| &it.calls);
    let mut found: Vec<&str> = calls.flat_map(|it| it.variables()).collect();
    found.sort_unstable();
    found.dedup();
    found
}

impl Secrets {
    /// Looks every variable up: what is missing must be known before anything is changed.
    ///
    /// # Errors
    /// Everything that is missing or must not be sent, a sentence each.
    pub fn look_up<'a>(
        variables: impl Iterator<Item = &'a str>,
        look_up: impl Fn(&str) -> Option<Secret>,
    ) -> Result<Self, Vec<String>> {
        let mut by_variable = BTreeMap::new();
        let mut problems = Vec::new();
        for variable in variables {
            if OWN.contains(&variable) {
                problems.push(format!("`env:{variable}`: the program's own token is never sent as anything else"));
                continue;
            }
            match look_up(variable).filter(|it| !it.expose().trim().is_empty()) {
                Some(secret) => drop(by_variable.insert(variable.to_owned(), secret)),
                None => problems.push(format!("`env:{variable}`: the environment variable is not set, or is empty")),
            }
        }
        if problems.is_empty() { Ok(Self { by_variable }) } else { Err(problems) }
    }

    /// The secret of a variable that was looked up.
    pub(super) fn get(&self, variable: &str) -> Option<&Secret> {
        self.by_variable.get(variable)
    }
}

#[cfg(test)]
mod tests {
    use super::Secrets;
    use crate::model::Secret;

    #[test]
    fn all_that_is_missing_is_told_at_once_and_the_own_token_is_never_sent() {
        let look_up = |name: &str| match name {
            "A" | "PULUMI_ACCESS_TOKEN" => Some(Secret::new("value".to_owned())),
            "BLANK" => Some(Secret::new(" ".to_owned())),
            _ => None,
        };
        let variables = ["A", "B", "BLANK", "PULUMI_ACCESS_TOKEN"];
        let problems = Secrets::look_up(variables.into_iter(), look_up).unwrap_err();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].contains("`env:B`") && problems[2].contains("own token"), "{problems:?}");
        let found = Secrets::look_up(["A"].into_iter(), look_up).unwrap();
        assert!(found.get("A").is_some() && found.get("B").is_none());
        assert!(!format!("{found:?}").contains("value"));
    }
}
