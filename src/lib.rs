//! bylaws.
