//! Who may do what, for a terminal.

use crate::model::access::{Listing, State};
use crate::render::lines::Sign;
use crate::render::text::Options;
use crate::render::text::layout::{self, Item, row};
use crate::render::{access, escape};

/// The answers, each under what was asked, and what could not be taken into account.
pub fn access(listing: &Listing, options: Options) -> String {
    let organization = options.organization(&listing.organization);
    let state = match listing.state {
        State::Live => "as it is",
        State::Desired => "as the manifest would make it",
    };
    let mut items = vec![Item::Heading(format!("Who may do what in {organization}, {state}"))];
    for answer in &listing.answers {
        items.push(Item::Plain(String::new()));
        if let Some(of) = &answer.of {
            items.push(Item::Heading(escape::terminal(&of.to_string())));
        }
        if answer.access.is_empty() {
            items.push(Item::Plain("  nobody, as far as was read".to_owned()));
        }
        items.extend(access::held(&answer.access).into_iter().map(|it| Item::Row(it, None)));
    }
    if !listing.unknown.is_empty() {
        items.extend([Item::Plain(String::new()), Item::Heading("Not counted".to_owned())]);
    }
    for sentence in &listing.unknown {
        items.push(row(Sign::None, "", escape::terminal(sentence)));
    }
    layout::page(&items, options)
}
