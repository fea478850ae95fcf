//! The same call with nothing around it: a store, an instance, a call, a drop.

use skillhost_engine::{Engine, Settings};
use wasmtime::Store;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, ComponentType, InstancePre, Lift, Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::Failure;

/// As much as the host gives its runs.
const FUEL: u64 = 1_000_000_000;
const YIELD: u64 = 1_000_000;

/// The least state that WASI links against. Its context is made when the guest first asks for it, as the
/// host does, so that the baseline is not slower than it must be.
struct State {
    table: ResourceTable,
    wasi: Option<WasiCtx>,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let ctx = self.wasi.get_or_insert_with(|| WasiCtx::builder().build());
        WasiCtxView { ctx, table: &mut self.table }
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct Blob {
    #[component(name = "mime-type")]
    mime_type: String,
    bytes: Vec<u8>,
}

#[derive(ComponentType, Lift)]
#[component(variant)]
enum Content {
    #[component(name = "text")]
    Text(String),
    #[component(name = "image")]
    Image(Blob),
    #[component(name = "audio")]
    Audio(Blob),
}

impl Content {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Image(blob) | Self::Audio(blob) => blob.mime_type.len() + blob.bytes.len(),
        }
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct Output {
    data: Option<String>,
    content: Vec<Content>,
}

#[derive(ComponentType, Lift)]
#[component(variant)]
enum ToolError {
    #[component(name = "invalid-input")]
    InvalidInput(String),
    #[component(name = "failed")]
    Failed(String),
    #[component(name = "transient")]
    Transient(String),
}

pub(crate) struct Bare {
    component: InstancePre<State>,
    call: ComponentExportIndex,
}

impl Bare {
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, Failure> {
        let engine = Engine::new(&Settings { concurrency: 64, largest_memory: 64 << 20 })?;
        let component = Component::new(engine.wasmtime(), bytes)?;
        component.initialize_copy_on_write_image()?;
        let mut linker: Linker<State> = Linker::new(engine.wasmtime());
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        trap_others(&mut linker, &component)?;
        let skill = component.get_export_index(None, "skillhost:skill/skill@0.1.0").ok_or("the guest is no skill")?;
        let call = component.get_export_index(Some(&skill), "call").ok_or("the guest has no `call`")?;
        Ok(Self { component: linker.instantiate_pre(&component)?, call })
    }

    pub(crate) async fn call(&self, tool: &str, input: &str) -> Result<usize, Failure> {
        let mut store = Store::new(self.component.engine(), State { table: ResourceTable::new(), wasi: None });
        store.set_fuel(FUEL)?;
        store.fuel_async_yield_interval(Some(YIELD))?;
        let instance = self.component.instantiate_async(&mut store).await?;
        let call = instance.get_typed_func::<(&str, &str), (Result<Output, ToolError>,)>(&mut store, &self.call)?;
        let (result,) = call.call_async(&mut store, (tool, input)).await?;
        match result {
            Ok(output) => {
                let content: usize = output.content.iter().map(Content::len).sum();
                Ok(output.data.map_or(0, |data| data.len()) + content)
            }
            Err(ToolError::InvalidInput(text) | ToolError::Failed(text) | ToolError::Transient(text)) => {
                Err(text.into())
            }
        }
    }
}

/// Links the host's own interfaces as traps: `echo` calls none of them.
fn trap_others(linker: &mut Linker<State>, component: &Component) -> Result<(), Failure> {
    let engine = component.engine();
    for (import, item) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(instance) = item.ty else { continue };
        if !import.starts_with("skillhost:") {
            continue;
        }
        let mut interface = linker.root();
        let mut interface = interface.instance(import)?;
        for (name, item) in instance.exports(engine) {
            if let ComponentItem::ComponentFunc(_) = item.ty {
                interface.func_new(name, |_, _, _, _| Err(wasmtime::Error::msg("the baseline has no host")))?;
            }
        }
    }
    Ok(())
}
