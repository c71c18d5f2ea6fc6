//! One route of the control listener, and what is answered when a name of its path or query is spoilt.

/// Status and message of an answer; where the message is empty, any will do.
pub(crate) type Told = (u16, &'static str);

/// A name in a path.
pub(crate) struct Name {
    pub(crate) name: &'static str,
    /// What stands there when nothing is wrong.
    pub(crate) good: &'static str,
    /// The answer to one that could be there and is not, or is another resource's.
    pub(crate) unknown: Told,
    /// The answer to one that nothing can be called.
    pub(crate) impossible: Told,
    /// The answer to nothing at all, which is another route's by then.
    pub(crate) empty: Told,
}

/// A parameter of a query.
pub(crate) struct Query {
    pub(crate) name: &'static str,
    pub(crate) good: &'static str,
    pub(crate) empty: Told,
    pub(crate) unknown: Told,
    pub(crate) control: Told,
    pub(crate) long: Told,
    pub(crate) repeated: Told,
}

/// What is sent along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Nothing; what is sent is not looked at.
    Nothing,
    Classic,
    Oas,
    /// An OpenAPI document that says nothing of a gateway.
    Bare,
    Policy,
    Session,
    /// Another policy for a key.
    Instruction,
    Client,
    AdminToken,
    /// The parameters of an OAuth request: another table spoils them.
    Form(&'static str),
}

pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) names: &'static [Name],
    pub(crate) query: &'static [Query],
    pub(crate) sent: Sent,
}

pub(crate) const fn route(
    method: &'static str,
    path: &'static str,
    names: &'static [Name],
    query: &'static [Query],
    sent: Sent,
) -> Route {
    Route {
        method,
        path,
        names,
        query,
        sent,
    }
}

pub(crate) const fn name(
    name: &'static str,
    good: &'static str,
    unknown: Told,
    empty: Told,
) -> Name {
    Name {
        name,
        good,
        unknown,
        impossible: unknown,
        empty,
    }
}

impl Name {
    pub(crate) const fn impossible(self, impossible: Told) -> Self {
        Self { impossible, ..self }
    }
}

/// A parameter of which nothing is wrong but that it stands twice.
pub(crate) const fn query(
    name: &'static str,
    good: &'static str,
    told: Told,
    repeated: &'static str,
) -> Query {
    Query {
        name,
        good,
        empty: told,
        unknown: told,
        control: told,
        long: told,
        repeated: (400, repeated),
    }
}

impl Query {
    pub(crate) const fn empty(self, empty: Told) -> Self {
        Self { empty, ..self }
    }

    pub(crate) const fn id(self, control: &'static str, long: &'static str) -> Self {
        Self {
            control: (400, control),
            long: (400, long),
            ..self
        }
    }
}

pub(crate) const FINE: Told = (200, "");
pub(crate) const NO_METHOD: Told = (405, "Method not supported");
pub(crate) const NO_ROUTE: Told = (404, "Not Found");
