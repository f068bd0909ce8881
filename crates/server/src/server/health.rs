//! What `/healthz/ready` looks at.

use std::{pin::Pin, sync::Arc};

use fieldpost_web::{Component, Health, Probe};
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;

/// Ready while the store takes writes and no drain has begun.
pub struct EngineProbe {
    /// What is looked at.
    pub engine: Arc<Engine>,
    /// Cancelled when the drain begins.
    pub draining: CancellationToken,
}

impl Probe for EngineProbe {
    fn health(&self) -> Pin<Box<dyn Future<Output = Health> + Send + '_>> {
        Box::pin(async move {
            let trouble = self.engine.storage.trouble();
            let draining = self.draining.is_cancelled();
            let components = vec![
                Component {
                    name: "store".into(),
                    ok: trouble.is_none(),
                    detail: trouble.unwrap_or_else(|| "takes writes".into()),
                },
                Component {
                    name: "server".into(),
                    ok: !draining,
                    detail: if draining { "draining" } else { "serving" }.into(),
                },
            ];
            Health {
                ready: components.iter().all(|component| component.ok),
                version: env!("CARGO_PKG_VERSION").into(),
                components,
            }
        })
    }
}
