//! What each message leads to.
//!
//! Contract: a message is answered under the rules of its client's era, and as whom it came from: a session knows nobody, each
//! message brings its sender. Nothing here decides. Price: as what it leads to.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rmcp::ErrorData;
use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelTaskParams, CustomRequest, CustomResult, ErrorCode, Extensions,
    GetSkillRequestParams, GetSkillResult, GetTaskParams, GetTaskResult, Implementation, InitializeRequestParams,
    InitializeResult, ListResourcesResult, ListSkillsResult, ListToolsResult, PaginatedRequestParams, ProtocolVersion,
    ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig, SubscriptionFilter, Tool,
    UpdateTaskParams,
};
use rmcp::service::{NotificationContext, RequestContext, RoleServer, SubscriptionContext};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Mcp;
use super::call::{self, Call};
use super::tools::{self, Era};
use super::who::Who;

/// What an assistant is told of this server.
const INSTRUCTIONS: &str = "Each tool is named SKILL__TOOL and runs in a sandbox with limits of time, memory and calls. A tool \
    error says what was refused and what would change it. A skill that waits for approval is approved by a person on the \
    dashboard or with `skillhost approve`, and never over this connection. Skills that are text are in `skills/list`.";

/// Requests that rmcp knows; one of these that it takes for a foreign one has wrong parameters.
const KNOWN: &[&str] = &[
    "initialize",
    "server/discover",
    "tools/list",
    "tools/call",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "resources/directory/read",
    "skills/list",
    "skills/get",
    "prompts/list",
    "prompts/get",
    "completion/complete",
    "logging/setLevel",
    "subscriptions/listen",
    "tasks/get",
    "tasks/update",
    "tasks/cancel",
];

/// One connection, session or request without a session.
pub(super) struct Handler {
    mcp: Arc<Mcp>,
    /// Who it is, where that is not said with every message.
    local: Option<Who>,
    /// Whether it hears of changes.
    follows: AtomicBool,
    ended: CancellationToken,
    _guard: DropGuard,
}

impl Handler {
    pub(super) fn new(mcp: Arc<Mcp>, local: Option<Who>) -> Self {
        let ended = mcp.stopping.child_token();
        Self { mcp, local, follows: AtomicBool::new(false), _guard: ended.clone().drop_guard(), ended }
    }

    fn who(&self, extensions: &Extensions) -> Result<Who, ErrorData> {
        self.local.clone().map_or_else(|| Who::of(extensions), Ok)
    }
}

fn era(context: &RequestContext<RoleServer>) -> Era {
    match context.protocol_version() {
        Some(version) if version.as_str() >= ProtocolVersion::V_2026_07_28.as_str() => Era::Stateless,
        _ => Era::Sessions,
    }
}

fn cursor(params: &Option<PaginatedRequestParams>) -> Option<&str> {
    params.as_ref().and_then(|params| params.cursor.as_deref())
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_tasks()
            .enable_skills()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("skillhost", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn initialize(
        &self,
        mut request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let result = self.negotiate_initialize(&request)?;
        request.protocol_version = result.protocol_version.clone();
        context.peer.set_peer_info(request);
        Ok(result)
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let Ok(who) = self.who(&context.extensions) else { return };
        if !self.follows.swap(true, Ordering::Relaxed) {
            let (mcp, ended) = (self.mcp.clone(), self.ended.clone());
            tokio::spawn(async move { mcp.tell_of_changes(context.peer, who, ended).await });
        }
    }

    fn accepted_subscription_filter(&self, _: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(SubscriptionFilter::builder().tools_list_changed().resources_list_changed().build())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let who = self.who(&context.request_context().extensions)?;
        self.mcp.tell_subscriber(&context, &who).await;
        Ok(())
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.mcp.settled().await;
        tools::list(&self.mcp.host, era(&context), cursor(&request))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::get(&self.mcp.host, name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let who = self.who(&context.extensions)?;
        call::call(&self.mcp, &who, &Call { params: &request, context: &context, era: era(&context) }).await
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        let who = self.who(&context.extensions)?;
        self.mcp.tasks.get(&who.identity, &request.task_id).map(GetTaskResult::new)
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let who = self.who(&context.extensions)?;
        self.mcp.tasks.update(&who.identity, &request.task_id)
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let who = self.who(&context.extensions)?;
        self.mcp.tasks.cancel(&who.identity, &request.task_id)
    }

    async fn list_skills(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListSkillsResult, ErrorData> {
        self.mcp.settled().await;
        self.mcp.skills.list(&self.mcp.host, cursor(&request)).await
    }

    async fn get_skill(
        &self,
        request: GetSkillRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetSkillResult, ErrorData> {
        self.mcp.settled().await;
        self.mcp.skills.get(&self.mcp.host, &request.uri).await
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        self.mcp.settled().await;
        self.mcp.skills.resources(&self.mcp.host, cursor(&request)).await
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        self.mcp.settled().await;
        self.mcp.skills.read(&self.mcp.host, &request.uri).await.map(ReadResourceResponse::from)
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        if KNOWN.contains(&request.method.as_str()) {
            let message = format!("the parameters of `{}` are not what the protocol says", request.method);
            return Err(ErrorData::invalid_params(message, None));
        }
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, Cow::Borrowed("there is no such method"), None))
    }
}
