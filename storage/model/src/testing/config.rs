//! Commands on APIs, policies and definition files.

use super::Scenario;
use crate::command::{Command, PutApi, PutPolicy, SourceMark, UpdateApi};
use crate::id::{ApiId, OrgId, Revision};
use crate::state::{ReadState, Record, RecordKey, RouteKey, SourcePath};

impl Scenario {
    /// A change of one of few APIs, policies or files.
    pub(super) fn configure(&mut self) -> Option<Command> {
        let api = self.choices.pick(&self.names.apis)?.clone();
        let policy = self.choices.pick(&self.names.policies)?.clone();
        let file = SourcePath(format!("file-{}.json", self.choices.below(4)).into());
        let source = self.choices.once_in(3).then(|| SourceMark {
            path: file.clone(),
            content_hash: [3; 32],
        });
        Some(match self.choices.below(16) {
            0 => Command::DeleteApi(api),
            1 => Command::DeletePolicy(policy),
            2 => Command::RemoveSource(file),
            3..=7 => Command::PutPolicy(PutPolicy {
                id: policy,
                org: OrgId::default(),
                document: "{}".into(),
                source,
            }),
            8..=10 => {
                let mut puts = vec![self.put_api(api, source)?];
                for _ in 0..self.choices.below(3) {
                    let another = self.choices.pick(&self.names.apis)?.clone();
                    puts.push(self.put_api(another, None)?);
                }
                Command::PutApis(puts)
            }
            11 => Command::UpdateApi(UpdateApi {
                replaces: self.api_revision(&api),
                put: self.put_api(api, None)?,
            }),
            _ => Command::PutApi(self.put_api(api, source)?),
        })
    }

    fn put_api(&mut self, id: ApiId, source: Option<SourceMark>) -> Option<PutApi> {
        let path = format!("/path-{}", self.choices.below(5));
        Some(PutApi {
            id,
            org: OrgId::default(),
            document: self.names.sealed.clone()?,
            document_hash: [u8::try_from(self.choices.below(3)).ok()?; 32],
            routes: vec![RouteKey {
                host: None,
                listen_path: path.into(),
            }],
            source,
        })
    }

    /// What an API was just now, or a while ago.
    fn api_revision(&mut self, id: &ApiId) -> Revision {
        match self.state.get(&RecordKey::Api(id.clone())) {
            Some(Record::Api(api)) if !self.choices.once_in(5) => api.revision,
            _ => Revision::default(),
        }
    }
}
