//! Which service is spoken to, and with which token: a choice over texts that the shell has read.

use std::fmt;

use serde_json::Value;

use crate::api::backend::{Backend, MANAGED};
use crate::model::Secret;

/// What the shell found. An empty text counts as absent.
#[derive(Debug, Default)]
pub struct Inputs {
    /// `--backend`.
    pub flag: Option<String>,
    /// `PULUMI_BACKEND_URL`.
    pub backend_url: Option<String>,
    /// `PULUMI_API`.
    pub api: Option<String>,
    /// `PULUMI_ACCESS_TOKEN`.
    pub access_token: Option<Secret>,
    /// Where the Pulumi credentials file is looked for.
    pub credentials_path: String,
    /// Its text, if there is such a file.
    pub credentials: Option<Secret>,
    /// Why it cannot be read although there is one.
    pub credentials_unreadable: Option<String>,
}

/// The service, the token for it, and where both were found.
#[derive(Debug)]
pub struct Connection {
    /// The service.
    pub backend: Backend,
    /// The token.
    pub token: Secret,
    /// Where the address was found, for people.
    pub backend_source: String,
    /// Where the token was found, for people.
    pub token_source: String,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthError {
    /// An address that cannot be used, and where it was found: a mistake in usage.
    Backend {
        /// Where it was found.
        source: String,
        /// What is wrong with it.
        refusal: String,
    },
    /// There is no token; the text says what was looked for.
    Missing(String),
    /// There is something that cannot be a token, or a file that cannot be read.
    Unusable(String),
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AuthError::Backend { source, refusal } => write!(f, "cannot use the address from {source}: {refusal}"),
            AuthError::Missing(text) | AuthError::Unusable(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for AuthError {}

/// The stored credentials, as far as they matter.
enum Stored {
    None,
    Unreadable(String),
    Encrypted,
    Broken,
    Readable(Value),
}

/// Chooses the service and its token.
///
/// # Errors
/// When an address must not be used, or no usable token is found.
pub fn choose(inputs: &Inputs) -> Result<Connection, AuthError> {
    let stored = Stored::read(inputs);
    let (backend, backend_source) = choose_backend(inputs, &stored)?;
    let (token, token_source) = choose_token(inputs, &stored, &backend)?;
    Ok(Connection { backend, token, backend_source, token_source })
}

fn choose_backend(inputs: &Inputs, stored: &Stored) -> Result<(Backend, String), AuthError> {
    let written =
        [("--backend", &inputs.flag), ("PULUMI_BACKEND_URL", &inputs.backend_url), ("PULUMI_API", &inputs.api)];
    let written = written.into_iter().find_map(|(source, text)| {
        let text = text.as_deref().map(str::trim).filter(|it| !it.is_empty())?;
        Some((text.to_owned(), source.to_owned()))
    });
    let current = || {
        let Stored::Readable(file) = stored else { return None };
        let text = file.get("current")?.as_str()?;
        // A login to a state backend of one's own says nothing about organizations.
        let scheme = text.split_once("://")?.0.to_ascii_lowercase();
        let cloud = matches!(scheme.as_str(), "https" | "http");
        cloud.then(|| (text.to_owned(), format!("the current login in `{}`", inputs.credentials_path)))
    };
    let (text, source) = written.or_else(current).unwrap_or((MANAGED.to_owned(), "the default".to_owned()));
    match Backend::parse(&text) {
        Ok(backend) => Ok((backend, source)),
        Err(refusal) => Err(AuthError::Backend { source, refusal }),
    }
}

fn choose_token(inputs: &Inputs, stored: &Stored, backend: &Backend) -> Result<(Secret, String), AuthError> {
    let path = &inputs.credentials_path;
    if let Some(token) = &inputs.access_token {
        let text = without_newline(token.expose());
        if !text.is_empty() {
            let source = "PULUMI_ACCESS_TOKEN".to_owned();
            return Ok((checked(text, &source)?, source));
        }
    }
    let found = match stored {
        Stored::Readable(file) => {
            if let Some(token) = stored_token(file, backend) {
                let source = format!("`{path}`");
                return Ok((checked(without_newline(token), &source)?, source));
            }
            format!("has no entry for `{backend}`")
        }
        Stored::None => "not there, or empty".to_owned(),
        Stored::Unreadable(why) => {
            return Err(AuthError::Unusable(format!(
                "failed to read the credentials file `{path}`: {why}; put the token into PULUMI_ACCESS_TOKEN, or make the \
                 file readable"
            )));
        }
        Stored::Encrypted => {
            return Err(AuthError::Unusable(format!(
                "`{path}` is encrypted, and only the pulumi command can read it; put the token into PULUMI_ACCESS_TOKEN"
            )));
        }
        Stored::Broken => {
            return Err(AuthError::Unusable(format!(
                "`{path}` is no credentials file; put the token into PULUMI_ACCESS_TOKEN, or run `pulumi login`"
            )));
        }
    };
    Err(AuthError::Missing(format!(
        "no access token for `{backend}`; looked for, in this order:\n  \
         1. the environment variable PULUMI_ACCESS_TOKEN: not set, or empty\n  \
         2. the credentials file `{path}`: {found}\n\
         set PULUMI_ACCESS_TOKEN, or run `pulumi login`; or try it without an account: --backend sandbox"
    )))
}

/// The token stored for exactly this address.
fn stored_token<'a>(file: &'a Value, backend: &Backend) -> Option<&'a str> {
    let is_it = |address: &str| Backend::parse(address).is_ok_and(|it| it == *backend);
    let entries = |section: &str| file.get(section).and_then(Value::as_object).into_iter().flatten();
    let accounts = entries("accounts")
        .filter(|(address, _)| is_it(address))
        .filter_map(|(_, account)| account.get("accessToken")?.as_str());
    let tokens = entries("accessTokens").filter(|(address, _)| is_it(address)).filter_map(|(_, token)| token.as_str());
    accounts.chain(tokens).find(|it| !it.is_empty())
}

fn without_newline(text: &str) -> &str {
    text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text)
}

/// A text that can be a token. Its value is never repeated.
fn checked(text: &str, source: &str) -> Result<Secret, AuthError> {
    let wrong = if text.chars().any(char::is_whitespace) {
        "it holds white space; give the token alone, without `token` or `Bearer`"
    } else if text.contains(['"', '\'']) {
        "it holds a quotation mark"
    } else if !text.bytes().all(|it| it.is_ascii_graphic()) {
        "it holds a character that no token has"
    } else if text.len() > 4096 {
        "it is too long"
    } else {
        return Ok(Secret::new(text.to_owned()));
    };
    Err(AuthError::Unusable(format!("malformed access token in {source}: {wrong}")))
}

impl Stored {
    fn read(inputs: &Inputs) -> Self {
        if let Some(why) = &inputs.credentials_unreadable {
            return Stored::Unreadable(why.clone());
        }
        let Some(text) = inputs.credentials.as_ref().map(Secret::expose).filter(|it| !it.trim().is_empty()) else {
            return Stored::None;
        };
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(file)) if file.contains_key("$pulumiSecureStore") => Stored::Encrypted,
            Ok(file @ Value::Object(_)) => Stored::Readable(file),
            _ => Stored::Broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{AuthError, Inputs, choose};
    use crate::model::Secret;

    fn inputs(credentials: serde_json::Value) -> Inputs {
        Inputs {
            credentials_path: "~/.pulumi/credentials.json".to_owned(),
            credentials: Some(Secret::new(credentials.to_string())),
            ..Inputs::default()
        }
    }

    fn with_token(token: &str) -> Inputs {
        Inputs { access_token: Some(Secret::new(token.to_owned())), ..Inputs::default() }
    }

    #[test]
    fn addresses_come_in_their_order() {
        let mut given = inputs(json!({"current": "https://stored.example/"}));
        given.access_token = Some(Secret::new("pul-1".to_owned()));
        let address = |given: &Inputs| choose(given).expect("a connection").backend.to_string();
        assert_eq!(address(&given), "https://stored.example");
        given.api = Some("https://api.example".to_owned());
        assert_eq!(address(&given), "https://api.example");
        given.backend_url = Some("https://backend.example".to_owned());
        assert_eq!(address(&given), "https://backend.example");
        given.flag = Some("https://flag.example".to_owned());
        assert_eq!(address(&given), "https://flag.example");
        assert_eq!(address(&with_token("pul-1")), "https://api.pulumi.com");
    }

    #[test]
    fn a_login_to_a_state_backend_is_passed_over_but_one_that_was_asked_for_is_refused() {
        let mut given = inputs(json!({"current": "file://~"}));
        given.access_token = Some(Secret::new("pul-1".to_owned()));
        assert_eq!(choose(&given).expect("a connection").backend.as_str(), "https://api.pulumi.com");
        given.backend_url = Some("s3://state".to_owned());
        assert!(matches!(choose(&given), Err(AuthError::Backend { source, .. }) if source == "PULUMI_BACKEND_URL"));
    }

    #[test]
    fn a_stored_token_goes_only_to_its_own_address() {
        let given = |flag: &str| Inputs {
            flag: Some(flag.to_owned()),
            ..inputs(json!({
                "accounts": {"https://a.example": {"accessToken": "pul-account"}},
                "accessTokens": {"https://a.example": "pul-old", "https://b.example/api": "pul-b"},
            }))
        };
        let token = |flag: &str| choose(&given(flag)).map(|it| it.token.expose().to_owned());
        assert_eq!(token("https://a.example/"), Ok("pul-account".to_owned()));
        assert_eq!(token("https://b.example"), Ok("pul-b".to_owned()));
        assert!(matches!(token("https://a.example:444"), Err(AuthError::Missing(_))));
        assert!(matches!(token("https://sub.a.example"), Err(AuthError::Missing(_))));
    }

    #[test]
    fn what_is_missing_is_said_in_order() {
        let Err(AuthError::Missing(text)) = choose(&inputs(json!({}))) else { panic!("there is a token") };
        let variable = text.find("PULUMI_ACCESS_TOKEN").expect("the variable");
        let file = text.find("credentials.json").expect("the file");
        assert!(variable < file && text.ends_with("--backend sandbox"), "{text}");
    }

    #[test]
    fn an_encrypted_unreadable_or_broken_file_matters_only_when_it_is_needed() {
        let mut given = inputs(json!({"$pulumiSecureStore": {"v": 1}}));
        assert!(matches!(choose(&given), Err(AuthError::Unusable(text)) if text.contains("PULUMI_ACCESS_TOKEN")));
        given.credentials = Some(Secret::new("{".to_owned()));
        assert!(matches!(choose(&given), Err(AuthError::Unusable(_))));
        given.credentials = None;
        given.credentials_unreadable = Some("permission denied".to_owned());
        assert!(matches!(choose(&given), Err(AuthError::Unusable(text)) if text.contains("permission denied")));
        given.access_token = Some(Secret::new("pul-1\n".to_owned()));
        assert_eq!(choose(&given).expect("a connection").token.expose(), "pul-1");
    }

    #[test]
    fn a_malformed_token_is_refused_without_showing_it() {
        for token in
            ["Bearer pul-canary", "\"pul-canary\"", "pul-canary\r", " pul-canary", "pul-canaryé", "pul-\u{1}canary"]
        {
            let error = choose(&with_token(token)).expect_err("it is malformed");
            assert!(matches!(error, AuthError::Unusable(_)), "{error:?}");
            assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
        }
        assert!(!format!("{:?}", choose(&with_token("pul-canary"))).contains("canary"));
    }
}
