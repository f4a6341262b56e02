//! The routes: one table a file, and the router that is made of them.

pub mod audit;
pub mod environments;
pub mod hooks;
pub mod invites;
pub mod items;
pub mod members;
pub mod oauth;
pub mod oidc;
pub mod organization;
pub mod role_details;
pub mod roles;
pub mod scim;
pub mod services;
pub mod stacks;
pub mod surroundings;
pub mod team_patch;
pub mod teams;
pub mod tokens;
pub mod user;

use crate::sandbox::ask::Rules;
use crate::sandbox::ask::Work;

/// Who may ask a route at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Anybody, without credentials.
    Open,
    /// Anybody with credentials.
    Signed,
    /// Whoever belongs to the organization that the path names as `{org}`.
    Organization,
}

/// One line of a route table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub door: Door,
    pub work: Work,
}

/// A route inside the organization.
pub const fn inside(method: &'static str, path: &'static str, work: Work) -> Route {
    Route { method, path, door: Door::Organization, work }
}

/// A route of the signed-in person.
pub const fn signed(method: &'static str, path: &'static str, work: Work) -> Route {
    Route { method, path, door: Door::Signed, work }
}

/// All routes of a server.
pub fn all(rules: &Rules) -> Vec<Route> {
    let bare_items = if rules.bare_slash_removals { items::BARE } else { &[] };
    let items = if rules.old_server { items::OLD } else { items::ROUTES };
    let tables = [
        user::ROUTES,
        organization::ROUTES,
        members::ROUTES,
        roles::ROUTES,
        teams::ROUTES,
        services::ROUTES,
        items,
        bare_items,
        tokens::ROUTES,
        stacks::ROUTES,
        environments::ROUTES,
        invites::ROUTES,
        hooks::ROUTES,
        oidc::ROUTES,
        oauth::ROUTES,
        audit::ROUTES,
        surroundings::ROUTES,
        scim::ROUTES,
    ];
    tables.concat()
}
