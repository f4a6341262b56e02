//! Asks what the readers want, gives them the answers, and marks what could not be read.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use crate::api::{ApiError, Failure, LONGEST_WAIT, Page, ReadClient};
use crate::kinds::{self, Finished, Reader, rights};
use crate::model::{Covers, KindState, Read, Snapshot};
use crate::snapshot::queue::{FetchId, Queue, ReaderId};
use crate::snapshot::{PREFLIGHT, Progress};

/// One kind that is read.
pub struct Wanted {
    word: &'static str,
    section: &'static str,
    reader: Box<dyn Reader>,
    /// Why the kind's list may lack something.
    incomplete: BTreeSet<String>,
    /// Objects that could not be read, by matching key, and why.
    unknown: BTreeMap<String, String>,
    /// Why the organization has no such things, and whether the manifest speaks of any.
    unavailable: Option<(String, bool)>,
}

impl Wanted {
    pub fn new(word: &'static str, section: &'static str, reader: Box<dyn Reader>) -> Self {
        Self { word, section, reader, incomplete: BTreeSet::new(), unknown: BTreeMap::new(), unavailable: None }
    }

    /// The same, where the organization cannot have such things: a list that is empty then says nothing.
    /// Where only others refer to them, it is they who say what they miss.
    pub fn unavailable(mut self, why: Option<String>, spoken_of: bool) -> Self {
        self.unavailable = why.map(|it| (it, spoken_of));
        self
    }

    /// What a request covers could not be read.
    fn mark(&mut self, covers: &Covers, reason: String) {
        match covers {
            Covers::Kind => {
                self.incomplete.insert(reason);
            }
            Covers::Object(name) => {
                let reasons = self.unknown.entry(kinds::matching_key(self.word, name));
                // Of several reasons the same one is kept, in whichever order they came.
                reasons.and_modify(|it| *it = reason.clone().min(it.clone())).or_insert(reason);
            }
            Covers::Nothing => {}
        }
    }

    /// The state of the kind, and what could not be seen of it, in sentences.
    fn finish(self, before: &Snapshot) -> (KindState, Vec<String>) {
        let Self { word, section, reader, incomplete, mut unknown, unavailable } = self;
        let Finished { objects: found, incomplete: lacks, unknown: untold, facts } = reader.finish(before);
        for (name, reason) in untold {
            unknown.entry(kinds::matching_key(word, &name)).or_insert(reason);
        }
        let mut objects = BTreeMap::new();
        for object in found {
            let key = kinds::matching_key(word, &object.name);
            match objects.get(&key) {
                Some(other) if *other != object => {
                    unknown.entry(key).or_insert_with(|| "listed twice, and not the same".to_owned());
                }
                _ => drop(objects.insert(key, object)),
            }
        }
        objects.retain(|key, _| !unknown.contains_key(key));
        let mut reasons: Vec<String> = incomplete.into_iter().chain(lacks).collect();
        let (why, spoken_of) = unavailable.unzip();
        let told = !reasons.is_empty() || spoken_of == Some(true);
        reasons.extend(why);
        let incomplete = (!reasons.is_empty()).then(|| several(&reasons));
        let unseen = incomplete.iter().filter(|_| told).map(|it| format!("{section}: {it}"));
        let unseen = unseen.chain(unknown.iter().map(|(key, reason)| format!("{word}/{key}: {reason}"))).collect();
        (KindState { objects, incomplete, unknown_objects: unknown, facts, read: true }, unseen)
    }
}

fn several(reasons: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = reasons[..reasons.len().min(SHOWN)].join("; ");
    match reasons.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}

/// Reads all that these kinds want into the snapshot.
pub async fn gather(
    client: &ReadClient,
    wanted: Vec<Wanted>,
    mut snapshot: Snapshot,
    progress: &dyn Fn(Progress),
) -> Result<Snapshot, ApiError> {
    let mut gathering = Gathering { client, wanted, queue: Queue::default(), known: 0, asked: Vec::new() };
    snapshot.requests = gathering.run(progress).await? + PREFLIGHT;
    for kind in gathering.wanted {
        let word = kind.word.to_owned();
        let (state, unseen) = kind.finish(&snapshot);
        snapshot.kinds.insert(word, state);
        snapshot.unseen.extend(unseen);
    }
    Ok(snapshot)
}

struct Gathering<'a> {
    client: &'a ReadClient,
    wanted: Vec<Wanted>,
    queue: Queue,
    /// How many pages are known to be needed.
    known: usize,
    /// What readers have asked for and nobody has looked at yet.
    asked: Vec<(ReaderId, Read)>,
}

type Answered = (FetchId, Result<Page, ApiError>);

impl Gathering<'_> {
    /// Reads everything, and says with how many requests.
    async fn run(&mut self, progress: &dyn Fn(Progress)) -> Result<usize, ApiError> {
        for reader in 0..self.wanted.len() {
            let first = self.wanted[reader].reader.start();
            self.asked.extend(first.into_iter().map(|it| (reader, it)));
        }
        self.hand_out()?;
        self.stay_within_allowance()?;
        let mut under_way: JoinSet<Answered> = JoinSet::new();
        let (mut done, mut warned) = (0, HashSet::new());
        loop {
            self.begin(&mut under_way);
            let Some(answered) = under_way.join_next().await else { return Ok(done) };
            let (id, result) = match answered {
                Ok(answered) => answered,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            };
            done += 1;
            let (warnings, remark) = match result {
                Ok(page) => self.page(id, page)?,
                Err(error) => self.failed(id, &error).map(|()| (Vec::new(), None))?,
            };
            self.hand_out()?;
            self.stay_within_allowance()?;
            let warnings = warnings.into_iter().filter(|it| warned.insert(it.clone())).collect();
            progress(Progress { done, known: self.known, rest: self.client.rests_for(), warnings, remark });
        }
    }

    /// Ends the reading as soon as it is known to need more requests than are allowed, before the first of
    /// those is sent.
    fn stay_within_allowance(&self) -> Result<(), ApiError> {
        let needed = self.known + PREFLIGHT;
        match self.client.allowance().filter(|it| needed > *it) {
            Some(allowed) => Err(ApiError::new(Failure::Budget { needed, allowed }, "GET", "/api")),
            None => Ok(()),
        }
    }

    /// Sends what there is room for. A few more than may be under way, so that the next one is always
    /// ready; not all of them, because each that waits takes memory.
    fn begin(&mut self, under_way: &mut JoinSet<Answered>) {
        let most = 2 * self.client.concurrency();
        loop {
            let room = (under_way.len() < most + most, under_way.len() < most);
            let Some((id, token)) = self.queue.next(room.0, room.1) else { return };
            let Some(fetch) = self.queue.fetch(id) else { continue };
            let (client, read) = (self.client.clone(), Arc::clone(&fetch.read));
            under_way.spawn(async move { (id, client.get_page(&read, token.as_deref()).await) });
        }
    }

    /// Queues what the readers asked for, and gives them at once what is known already.
    fn hand_out(&mut self) -> Result<(), ApiError> {
        while !self.asked.is_empty() {
            for (reader, read) in std::mem::take(&mut self.asked) {
                let length = self.queue.count();
                let (read, pages) = self.queue.ask(reader, read);
                self.known += self.queue.count() - length;
                for page in pages {
                    self.give(reader, &read, &page)?;
                }
            }
        }
        Ok(())
    }

    /// Gives a reader a page of what it asked for.
    fn give(&mut self, reader: ReaderId, read: &Read, page: &Bytes) -> Result<(), ApiError> {
        match self.wanted[reader].reader.page(read, page) {
            Ok(follows) => self.asked.extend(follows.into_iter().map(|it| (reader, it))),
            Err(what) => return Err(self.client.failed(read, Failure::Contract(what))),
        }
        Ok(())
    }

    /// A page has come: what the service warns of is returned, and what is odd about the page.
    fn page(&mut self, id: FetchId, page: Page) -> Result<(Vec<String>, Option<String>), ApiError> {
        let Page { body, next, warnings } = page;
        let Some(fetch) = self.queue.fetch(id) else { return Ok((warnings, None)) };
        let repeated = fetch.keep(&body, next.is_none());
        let more = fetch.chain.follow(next.as_deref());
        let read = Arc::clone(&fetch.read);
        let remark = (repeated > 0).then(|| changed(&read, repeated));
        for (reader, read) in fetch.wanted_by.clone() {
            self.give(reader, &read, &body)?;
        }
        match (more, next) {
            (Ok(true), Some(token)) => {
                self.known += 1;
                self.queue.follow(id, token);
            }
            (Ok(_), _) => self.queue.end(id),
            (Err(what), _) => self.failed(id, &self.client.failed(&read, Failure::Incomplete(what)))?,
        }
        Ok((warnings, remark))
    }

    /// A request has failed: what it covers is unknown to everybody who wanted it.
    fn failed(&mut self, id: FetchId, error: &ApiError) -> Result<(), ApiError> {
        if ends_the_reading(error) {
            return Err(error.clone());
        }
        let Some(fetch) = self.queue.forget(id) else { return Ok(()) };
        for (reader, read) in fetch.wanted_by {
            let kind = &mut self.wanted[reader];
            if read.covers == Covers::Nothing {
                kind.reader.lost(&read);
                continue;
            }
            let absent = matches!(error.failure, Failure::NotFound { .. }) && !fetch.begun;
            let answer = if absent { kind.reader.absent(&read) } else { Err(reason(error, &read)) };
            match answer {
                Ok(follows) => self.asked.extend(follows.into_iter().map(|it| (reader, it))),
                Err(reason) => kind.mark(&read.covers, reason),
            }
        }
        Ok(())
    }
}

/// What is said of entries that came on two pages of a list.
fn changed(read: &Read, repeated: usize) -> String {
    let entries = if repeated == 1 { "1 entry".to_owned() } else { format!("{repeated} entries") };
    format!(
        "/{} changed while it was read: {entries} came on two pages; what came twice counts once",
        read.path.join("/")
    )
}

/// Why a read failed, and which permission it needs where that may be why.
fn reason(error: &ApiError, read: &Read) -> String {
    let needed = rights::of_read(read).filter(|it| error.failure == Failure::Forbidden && !it.is_empty());
    let needed = needed.map(|it| it.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(" and "));
    match needed {
        Some(needed) => format!("{}; it needs the permission {needed}", error.reason()),
        None => error.reason(),
    }
}

/// Whether a failure is about the whole service rather than about one request.
fn ends_the_reading(error: &ApiError) -> bool {
    match error.failure {
        Failure::Unauthorized
        | Failure::Redirect { .. }
        | Failure::Contract(_)
        | Failure::TooManyRequests { .. } => true,
        // Everything else would wait for as long at the gate, only to say that it saw too little.
        Failure::Server { wait: Some(wait) } if wait > LONGEST_WAIT => true,
        Failure::BadRequest
        | Failure::Forbidden
        | Failure::NotFound { .. }
        | Failure::MethodNotAllowed { .. }
        | Failure::Conflict
        | Failure::Precondition
        | Failure::Refused
        | Failure::Server { .. }
        | Failure::Incomplete(_)
        | Failure::Timeout { .. }
        | Failure::Connection { .. }
        // A live name that cannot be part of an address.
        | Failure::Unsendable(_) => false,
        Failure::Budget { .. } => true,
    }
}
