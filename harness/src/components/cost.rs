//! What the memories of a component cost on the built-in runtime. Pure.

use leakbench_components::{MemoryDefinition, ModuleSource, Plan};
use leakbench_runtime::allocator::MemoryCost;
use leakbench_runtime::{Config, MemoryRequirement, Module};
use serde::Serialize;

/// The memories of one instance of a component, and their sums.
#[derive(Debug)]
pub(super) struct Costs {
    /// In the order in which they are made.
    pub(super) memories: Vec<MemoryOfInstance>,
    /// From a pool; `None` if a memory is longer than a slot.
    pub(super) pooled: Option<Cost>,
    /// With mappings of their own.
    pub(super) on_demand: Cost,
    /// Memories that reserve their address space in one piece, without a pool.
    pub(super) reservations: u64,
    /// Descriptors of a loaded copy of the component, however many instances it has.
    pub(super) descriptors: u64,
}

/// A memory of an instance of the component.
#[derive(Debug, Serialize)]
pub(super) struct MemoryOfInstance {
    /// The core instance that defines it.
    pub(super) instance: usize,
    /// Its core module.
    pub(super) module: usize,
    #[serde(flatten)]
    pub(super) definition: MemoryDefinition,
    /// Descriptors that the module has for it, whose instances share them.
    pub(super) descriptors: u64,
    pub(super) pooled: Option<Cost>,
    pub(super) on_demand: Cost,
}

/// What one instance takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Cost {
    pub(super) address_bytes: u64,
    /// The maximum: the kernel may merge reserved neighbours.
    pub(super) mappings: u64,
}

impl Cost {
    fn of(cost: MemoryCost) -> Cost {
        Cost { address_bytes: cost.address_bytes, mappings: cost.mappings }
    }

    fn and(self, more: Cost) -> Cost {
        Cost {
            address_bytes: self.address_bytes.saturating_add(more.address_bytes),
            mappings: self.mappings.saturating_add(more.mappings),
        }
    }
}

impl Costs {
    /// The costs with the runtime's default configuration, whose pool holds every memory that fits into a
    /// slot.
    ///
    /// # Errors
    /// The index of a core module that the runtime cannot load, and its reason.
    pub(super) fn of(plan: &Plan) -> Result<Costs, (usize, leakbench_runtime::Error)> {
        let config = Config::default();
        let mut by_module: Vec<Vec<MemoryRequirement>> = Vec::with_capacity(plan.modules.len());
        for (index, module) in plan.modules.iter().enumerate() {
            let requirements = Module::memory_requirements(&config, &module.binary);
            by_module.push(requirements.map_err(|error| (index, error))?);
        }
        let mut memories = Vec::new();
        let mut reservations = 0;
        for (instance, of) in plan.instances.iter().enumerate() {
            let ModuleSource::Module(module) = of.module else { continue };
            let (Some(defined), Some(costs)) = (plan.modules.get(module), by_module.get(module))
            else {
                continue;
            };
            for (&definition, cost) in defined.memories.iter().zip(costs) {
                reservations += u64::from(cost.ty.is_reserved_without_pool());
                memories.push(MemoryOfInstance {
                    instance,
                    module,
                    definition,
                    descriptors: cost.descriptors,
                    pooled: cost.pooled.map(Cost::of),
                    on_demand: Cost::of(cost.on_demand),
                });
            }
        }
        let sum = |cost: &dyn Fn(&MemoryOfInstance) -> Option<Cost>| {
            memories.iter().try_fold(Cost::default(), |sum, memory| Some(sum.and(cost(memory)?)))
        };
        Ok(Costs {
            pooled: sum(&|memory| memory.pooled),
            on_demand: sum(&|memory| Some(memory.on_demand)).unwrap_or_default(),
            reservations,
            // A copy has the images of all its modules, also of those without an instance.
            descriptors: by_module.iter().flatten().map(|cost| cost.descriptors).sum(),
            memories,
        })
    }
}
