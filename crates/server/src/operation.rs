//! What can be asked of an open store, by name: the same whether a command runs it in its own process or the running
//! server does it for the command.

use std::{pin::Pin, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    command::{
        account, backup, compact, deliver, device, doctor, export, folder, fsck, group, import,
        queue, restore, stats,
    },
    control::Operator,
    engine::Engine,
    exchange::{Exchange, Failure, FailureKind},
};

/// One operation with what it needs to know. Each belongs to one command, whose file has the code.
#[derive(Deserialize, Serialize)]
#[serde(tag = "operation", rename_all = "kebab-case")]
pub enum Operation {
    /// `account add`
    AccountAdd(account::add::Request),
    /// `account clear`
    AccountClear(account::clear::Request),
    /// `account import`
    AccountImport(account::import::Request),
    /// `account list`
    AccountList(account::list::Request),
    /// `account out-of-office`
    AccountOutOfOffice(account::out_of_office::Request),
    /// `account password`
    AccountPassword(account::password::Request),
    /// `account remove`
    AccountRemove(account::remove::Request),
    /// `account set`
    AccountSet(account::set::Request),
    /// `account show`
    AccountShow(account::show::Request),
    /// `backup`
    Backup(backup::Request),
    /// `compact`
    Compact(compact::Request),
    /// `deliver`
    Deliver(deliver::Request),
    /// `device explain`
    DeviceExplain(device::explain::Request),
    /// `device forget`
    DeviceForget(device::forget::Request),
    /// `device list`
    DeviceList(device::list::Request),
    /// `device log`
    DeviceLog(device::log::Request),
    /// `device resync`
    DeviceResync(device::resync::Request),
    /// `device show`
    DeviceShow(device::show::Request),
    /// `doctor`
    Doctor(doctor::store::Request),
    /// `export ADDRESS`
    ExportMail(export::mail::Request),
    /// `export --store`
    ExportStore(export::store::Request),
    /// `folder list`
    FolderList(folder::list::Request),
    /// `fsck`
    Fsck(fsck::Request),
    /// `group add`
    GroupAdd(group::add::Request),
    /// `group list`
    GroupList(group::list::Request),
    /// `group remove`
    GroupRemove(group::remove::Request),
    /// `group set`
    GroupSet(group::set::Request),
    /// `import ADDRESS --imap`
    ImportImap(import::imap::Request),
    /// `import ADDRESS`
    ImportMail(import::mail::Request),
    /// `queue drop`
    QueueDrop(queue::Request),
    /// `queue hold`
    QueueHold(queue::Request),
    /// `queue list`
    QueueList(queue::list::Request),
    /// `queue retry`
    QueueRetry(queue::Request),
    /// `queue show`
    QueueShow(queue::show::Request),
    /// `restore --account`
    Restore(restore::Request),
    /// `stats`
    Stats(stats::Request),
}

impl Operation {
    /// Does it.
    pub async fn run(
        self,
        engine: &Arc<Engine>,
        exchange: &mut Exchange,
    ) -> Result<Value, Failure> {
        match self {
            Self::AccountAdd(request) => answer(account::add::operate(request, engine).await),
            Self::AccountClear(request) => answer(account::clear::operate(request, engine).await),
            Self::AccountImport(request) => {
                answer(account::import::operate(request, engine, exchange).await)
            }
            Self::AccountList(request) => answer(account::list::operate(request, engine)),
            Self::AccountOutOfOffice(request) => {
                answer(account::out_of_office::operate(request, engine).await)
            }
            Self::AccountPassword(request) => {
                answer(account::password::operate(request, engine).await)
            }
            Self::AccountRemove(request) => answer(account::remove::operate(request, engine).await),
            Self::AccountSet(request) => answer(account::set::operate(request, engine).await),
            Self::AccountShow(request) => answer(account::show::operate(request, engine).await),
            Self::Backup(request) => answer(backup::operate(request, engine, exchange).await),
            Self::Compact(request) => answer(compact::operate(request, engine, exchange).await),
            Self::Deliver(request) => answer(deliver::operate(request, engine, exchange).await),
            Self::DeviceExplain(request) => answer(device::explain::operate(request, engine).await),
            Self::DeviceForget(request) => answer(device::forget::operate(request, engine).await),
            Self::DeviceList(request) => answer(device::list::operate(request, engine).await),
            Self::DeviceLog(request) => answer(device::log::operate(request, engine).await),
            Self::DeviceResync(request) => answer(device::resync::operate(request, engine).await),
            Self::DeviceShow(request) => answer(device::show::operate(request, engine).await),
            Self::Doctor(request) => answer(doctor::store::operate(request, engine)),
            Self::ExportMail(request) => {
                answer(export::mail::operate(request, engine, exchange).await)
            }
            Self::ExportStore(_) => answer(export::store::operate(engine, exchange).await),
            Self::Fsck(request) => answer(fsck::operate(request, engine, exchange).await),
            Self::FolderList(request) => answer(folder::list::operate(request, engine).await),
            Self::GroupAdd(request) => answer(group::add::operate(request, engine).await),
            Self::GroupList(request) => answer(group::list::operate(request, engine)),
            Self::GroupRemove(request) => answer(group::remove::operate(request, engine).await),
            Self::GroupSet(request) => answer(group::set::operate(request, engine).await),
            Self::ImportImap(request) => {
                answer(import::imap::operate(request, engine, exchange).await)
            }
            Self::ImportMail(request) => {
                answer(import::mail::operate(request, engine, exchange).await)
            }
            Self::QueueDrop(request) => answer(queue::drop::operate(request, engine).await),
            Self::QueueHold(request) => answer(queue::hold::operate(request, engine).await),
            Self::QueueList(request) => answer(queue::list::operate(request, engine).await),
            Self::QueueRetry(request) => answer(queue::retry::operate(request, engine).await),
            Self::QueueShow(request) => answer(queue::show::operate(request, engine).await),
            Self::Restore(request) => answer(restore::operate(request, engine, exchange).await),
            Self::Stats(request) => answer(stats::operate(request, engine)),
        }
    }
}

impl Operator for Engine {
    fn operate(
        self: Arc<Self>,
        request: Bytes,
        mut exchange: Exchange,
    ) -> Pin<Box<dyn Future<Output = Result<Value, Failure>> + Send>> {
        Box::pin(async move {
            let operation: Operation = serde_json::from_slice(&request).map_err(|error| {
                Failure::new(
                    FailureKind::Usage,
                    format!("the server does not know this operation: {error}"),
                )
                .advise("restart the server, so that it runs the same version as the command")
            })?;
            Box::pin(operation.run(&self, &mut exchange)).await
        })
    }
}

fn answer<T: Serialize>(result: Result<T, Failure>) -> Result<Value, Failure> {
    result.and_then(|answer| {
        serde_json::to_value(answer).map_err(|error| Failure::new(FailureKind::Failed, error))
    })
}
