//! Texts with a shape: names, logins, `project/name`, owners and scopes, each with its schema.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A text type with its title, its description, its pattern and what to say when the pattern is not met.
macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $about:literal, $pattern:literal, $message:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// What it must look like, and what to say when it does not.
            pub const PATTERN: (&'static str, &'static str) = ($pattern, $message);

            /// Whether a text has this shape.
            pub fn fits(text: &str) -> bool {
                static SHAPE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($pattern).ok());
                SHAPE.as_ref().is_some_and(|it| it.is_match(text))
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "description": $about,
                    "pattern": $pattern,
                    "patternErrorMessage": $message,
                })
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

word!(
    /// A person's login; letter case means nothing.
    Login,
    "A login on Pulumi Cloud. Upper and lower case are one.",
    r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?$",
    "Write a login: letters, digits, dots, hyphens and underscores."
);
word!(
    /// An e-mail address.
    Email,
    "An e-mail address. It is sent to the service and shown nowhere.",
    r"^[^@\s]+@[^@\s]+$",
    "Write an e-mail address, such as erin@example.com."
);
word!(
    /// A stack or an environment, by its project.
    QualifiedName,
    "A stack or an environment as `project/name`.",
    r"^[^/\\\s]+/[^/\\\s]+$",
    "Write it as project/name, such as shop/prod."
);
word!(
    /// Who owns a service.
    Owner,
    "Who owns it: `team/NAME` or `user/LOGIN`.",
    r"^(team|user)/[^/\\]+$",
    "Write team/NAME or user/LOGIN, such as team/platform."
);
word!(
    /// Where a token belongs.
    TokenScope,
    "Where the token belongs: `organization`, or `team/NAME`.",
    r"^(organization|team/[^/\\]+)$",
    "Write organization, or team/NAME such as team/platform."
);
word!(
    /// The address of an OIDC issuer, which is what its tokens carry as `iss`.
    IssuerUrl,
    "The issuer's address, exactly as its tokens carry it in the claim `iss`.",
    r"^https://[^\s/?#@\\]+(/[^\s?#\\]*)?$",
    "Write an address such as https://token.actions.githubusercontent.com."
);
word!(
    /// The SHA-256 fingerprint of a certificate.
    Thumbprint,
    "The SHA-256 fingerprint of a certificate: hex digits, with or without colons between the bytes.",
    r"^[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2})+$",
    "Write the fingerprint as hex digits."
);
word!(
    /// What a claim must be.
    ClaimPattern,
    "What the claim must be; `*` stands for anything.",
    r"^.+$",
    "Write what the claim must be, such as repo:acme/shop:*."
);
word!(
    /// The value of a tag of a stack or an environment.
    TagValue,
    "A value of the tag.",
    r"^.+$",
    "Write a value of the tag."
);
word!(
    /// A permission scope such as `stack:read`.
    Permission,
    "A permission, such as `stack:read`. The service's list is at `GET /api/orgs/ORG/roles/scopes`.",
    r"^[a-z0-9_]+:[a-z0-9_]+$",
    "Write a permission such as stack:read."
);
word!(
    /// Where a token's value goes.
    SinkAddress,
    "Where a value goes, once: `file:PATH` below the working directory, `command:NAME` for a command given to \
        `bylaws apply --sink`, or `environment:PROJECT/ENVIRONMENT#path` for a secret in an environment.",
    r"^(file|command|environment):.+$",
    "Write file:PATH, command:NAME or environment:PROJECT/ENVIRONMENT#path."
);
word!(
    /// Where a secret comes from.
    SecretSource,
    "Where a secret comes from: `env:NAME`, a variable in the environment of whoever applies. Never the secret itself.",
    r"^env:[A-Za-z_][A-Za-z0-9_]{0,127}$",
    "Write env:NAME, the name of an environment variable; never the secret itself."
);
word!(
    /// An address on the web.
    WebAddress,
    "An address on the web, such as `https://hooks.example/pulumi`.",
    r"^https?://[^\s/?#@]+([/?#][^\s]*)?$",
    "Write an address that begins with https://, without a login in it."
);
word!(
    /// An event that a webhook can be told of.
    EventName,
    "An event, such as `stack_deleted` or `update_failed`.",
    r"^[a-z0-9_]+$",
    "Write an event such as stack_deleted."
);
word!(
    /// A day or a moment.
    Date,
    "A day (`2027-05-01`, midnight UTC at its start) or a moment (`2027-05-01T12:00:00Z`).",
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2}))?$",
    "Write a date such as 2027-05-01, or a moment such as 2027-05-01T12:00:00Z."
);

word!(
    /// A user of the identity provider's directory.
    UserName,
    "A user name of the identity provider's directory. Upper and lower case are one.",
    r"^[^\x00-\x1f\x7f]+$",
    "Write a user name, such as erin@example.com."
);

/// A role by its name: one of the built-in ones, or a custom one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoleName(pub String);

impl AsRef<str> for RoleName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// What may be done with a stack, from the least to the most.
pub const STACK_LEVELS: [&str; 3] = ["read", "write", "admin"];
/// What may be done with an environment, from the least to the most.
pub const ENVIRONMENT_LEVELS: [&str; 4] = ["read", "open", "write", "admin"];

/// How high a level is among others, from 1; 0 for a word that is no level.
pub fn rank(levels: &[&str], level: &str) -> u8 {
    levels.iter().zip(1..).find(|it| *it.0 == level).map_or(0, |it| it.1)
}

impl Owner {
    /// The owner's type on the wire, and its name.
    pub fn parts(&self) -> (&str, &str) {
        Self::parts_of(&self.0)
    }

    /// The same of its text.
    pub fn parts_of(text: &str) -> (&str, &str) {
        text.split_once('/').unwrap_or(("team", text))
    }
}

impl SecretSource {
    /// The environment variable.
    pub fn variable(&self) -> &str {
        self.0.strip_prefix("env:").unwrap_or(&self.0)
    }
}

impl TokenScope {
    /// The team, if it belongs to one.
    pub fn team(&self) -> Option<&str> {
        self.0.strip_prefix("team/")
    }
}
