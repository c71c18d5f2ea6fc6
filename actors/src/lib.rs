//! Who owns what while raftgate runs, and the immutable snapshots that the data plane reads.
//!
//! | actor | owns | is told | publishes | when it dies |
//! |---|---|---|---|---|
//! | [`registry::Registry`] | the list of APIs and the snapshot in force | that configuration was applied | [`snapshot::GatewaySnapshot`] | started again from state; the last snapshot stays in force |
//! | [`api::ApiActor`] | one API's definition and auth config | a new version of it | nothing; answers the Registry | started again with the last good version |
//! | [`notifier::Notifier`] | the messages on their way and what is known of their receivers | that the queue, the lead or the configuration changed | what came of each attempt, into the log | started again from the queue; what was on its way is sent once more |
//! | [`sweeper::Sweeper`] | nothing | nothing; it looks | what may be removed, into the log | started again |
//!
//! Questions go downward only, each with a time limit; what goes upward is a watch that the reader may miss steps of.

pub mod api;
pub mod cluster_access;
pub mod compile;
pub mod connect;
mod http_client;
pub mod notifier;
pub mod own_shortage;
pub mod registry;
pub mod resolver;
pub mod snapshot;
pub mod supervise;
pub mod sweeper;

#[cfg(test)]
mod test_cluster;
#[cfg(test)]
mod test_definition;
