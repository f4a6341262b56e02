//! What is to be asked: each request once, whoever wants its answer, and lists before details.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use crate::api::Chain;
use crate::model::{Paging, Read};
use crate::snapshot::repeats::Repeats;

/// As many bytes of one list are kept for readers that ask for it later. It is read again for them if it is longer.
const KEPT: usize = 1 << 20;

/// A request's place in the queue.
pub type FetchId = usize;
/// A reader's place among the readers.
pub type ReaderId = usize;

/// One request, all its pages, and who wants them.
pub struct Fetch {
    /// What is asked.
    pub read: Arc<Read>,
    /// Who wants it, and in which words of their own.
    pub wanted_by: Vec<(ReaderId, Arc<Read>)>,
    /// The pages so far.
    pub chain: Chain,
    /// Whether a page has come.
    pub begun: bool,
    /// The pages so far, while they are few.
    pages: Option<Vec<Bytes>>,
    repeats: Repeats,
}

/// What makes two requests one.
type Key = (Vec<String>, Vec<(String, String)>, Paging);

/// A page that is to be asked for: the first, or the one that the token names.
pub type Next = (FetchId, Option<String>);

/// All that is to be asked, or is being asked.
#[derive(Default)]
pub struct Queue {
    fetches: HashMap<FetchId, Fetch>,
    known: HashMap<Key, FetchId>,
    next_id: FetchId,
    lists: VecDeque<Next>,
    details: VecDeque<Next>,
}

impl Queue {
    /// A reader wants this. What has been answered of it already is returned, page by page.
    pub fn ask(&mut self, reader: ReaderId, read: Read) -> (Arc<Read>, Vec<Bytes>) {
        let key = (read.path.clone(), read.query.clone(), read.paging);
        let read = Arc::new(read);
        let shared = self.known.get(&key).and_then(|id| self.fetches.get_mut(id));
        if let Some((fetch, pages)) = shared.and_then(|it| it.pages.clone().map(|pages| (it, pages))) {
            fetch.wanted_by.push((reader, Arc::clone(&read)));
            return (read, pages);
        }
        let id = self.next_id;
        self.next_id += 1;
        self.known.insert(key, id);
        let queue = if read.is_detail() { &mut self.details } else { &mut self.lists };
        queue.push_back((id, None));
        let fetch = Fetch {
            read: Arc::clone(&read),
            wanted_by: vec![(reader, Arc::clone(&read))],
            chain: Chain::default(),
            begun: false,
            pages: Some(Vec::new()),
            repeats: Repeats::default(),
        };
        self.fetches.insert(id, fetch);
        (read, Vec::new())
    }

    /// How many requests there have been.
    pub fn count(&self) -> usize {
        self.next_id
    }

    /// The next page to ask for. A list's goes before a detail's; a detail's only where there is room.
    pub fn next(&mut self, room_for_lists: bool, room_for_details: bool) -> Option<Next> {
        let list = if room_for_lists { self.lists.pop_front() } else { None };
        list.or_else(|| if room_for_details { self.details.pop_front() } else { None })
    }

    /// What is asked by this request.
    pub fn fetch(&mut self, id: FetchId) -> Option<&mut Fetch> {
        self.fetches.get_mut(&id)
    }

    /// Another page follows. It goes before everything that nothing waits for.
    pub fn follow(&mut self, id: FetchId, token: String) {
        self.lists.push_back((id, Some(token)));
    }

    /// The last page has come: a list stays for whoever asks later, a detail goes.
    pub fn end(&mut self, id: FetchId) {
        if self.fetches.get(&id).is_some_and(|it| it.read.is_detail() || it.pages.is_none()) {
            self.forget(id);
        }
    }

    /// Takes a request out, so that whoever asks later asks anew.
    pub fn forget(&mut self, id: FetchId) -> Option<Fetch> {
        let fetch = self.fetches.remove(&id)?;
        let key = (fetch.read.path.clone(), fetch.read.query.clone(), fetch.read.paging);
        if self.known.get(&key) == Some(&id) {
            self.known.remove(&key);
        }
        Some(fetch)
    }
}

impl Fetch {
    /// A page has come, and perhaps it is not the last one: how many of its entries came before.
    pub fn keep(&mut self, page: &Bytes, last: bool) -> usize {
        let only = last && !self.begun;
        self.begun = true;
        let kept = self.pages.iter().flatten().map(Bytes::len).sum::<usize>();
        if kept + page.len() > KEPT {
            self.pages = None;
        } else if let Some(pages) = &mut self.pages {
            pages.push(page.clone());
        }
        if only { 0 } else { self.repeats.of(page) }
    }
}
