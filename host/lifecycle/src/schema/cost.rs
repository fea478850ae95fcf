//! What checking a document can cost, told from the schema alone.
//!
//! Contract: no value of any document takes more than [`limits::STEPS`], no document makes the validator recurse
//! beyond [`limits::RECURSION`]; a schema of which this cannot be shown is refused. The proof follows every path
//! that a document can have and keeps, for the value at its end, which subschemas look at it and how often: what
//! stands in front of `anyOf`, or of `$ref` to itself, is multiplied, and names that exclude each other are not.
//! Price: at most [`limits::SEARCH`] steps, once per schema.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::rc::Rc;

use super::graph::{Graph, Id, Node};
use super::{SchemaError, limits};
use crate::package::Shown;

/// A name's effect on what looks at its value: what leaves, what joins, how often.
type Change = (Option<Id>, Id, u64);

/// How often each node looks at one value.
type Counts = BTreeMap<Id, u64>;

/// What one value can cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cost {
    /// Steps per value.
    pub(super) value: u64,
    /// Steps per byte of text.
    pub(super) byte: u64,
}

impl Cost {
    /// The cost of the dearest value that a document can have.
    pub(super) fn of(graph: &Graph<'_>) -> Result<Self, SchemaError> {
        let order = order(graph)?;
        check_recursion(graph, &order)?;
        Search::new(graph, &order).run()
    }
}

/// The nodes so that each comes before those to which it hands its value on.
fn order(graph: &Graph<'_>) -> Result<Vec<Id>, SchemaError> {
    let mut waiting = vec![0_usize; graph.nodes.len()];
    let targets = |id: Id| graph.nodes.get(id).map_or(&[][..], |node| &node.same);
    for target in graph.nodes.iter().flat_map(|node| &node.same) {
        if let Some(count) = waiting.get_mut(*target) {
            *count += 1;
        }
    }
    let mut order: Vec<Id> = waiting.iter().enumerate().filter(|(_, count)| **count == 0).map(|(id, _)| id).collect();
    let mut done = 0;
    while let Some(id) = order.get(done).copied() {
        done += 1;
        for target in targets(id) {
            if let Some(count) = waiting.get_mut(*target) {
                *count -= 1;
                if *count == 0 {
                    order.push(*target);
                }
            }
        }
    }
    if order.len() == graph.nodes.len() { Ok(order) } else { Err(SchemaError::Loop) }
}

/// Bounds the longest chain of subschemas inside each other, over documents as deep as any.
fn check_recursion(graph: &Graph<'_>, order: &[Id]) -> Result<(), SchemaError> {
    let deepest = |ids: &mut dyn Iterator<Item = Id>, chains: &[usize]| {
        ids.filter_map(|id| chains.get(id)).max().copied().unwrap_or_default()
    };
    // Per node, for documents of one level more in each round.
    let mut chains = vec![0; graph.nodes.len()];
    for _ in 0..limits::DOCUMENT_NESTING {
        let mut longer = vec![0; graph.nodes.len()];
        for id in order.iter().rev() {
            let Some(node) = graph.nodes.get(*id) else { continue };
            let within = deepest(&mut children(node), &chains);
            let same = deepest(&mut node.same.iter().copied(), &longer);
            if let Some(chain) = longer.get_mut(*id) {
                *chain = 1 + within.max(same);
            }
        }
        if longer.get(graph.root).is_some_and(|chain| *chain > limits::RECURSION) {
            return Err(SchemaError::Recursion);
        }
        if longer == chains {
            break;
        }
        chains = longer;
    }
    Ok(())
}

fn children(node: &Node<'_>) -> impl Iterator<Item = Id> {
    let named = node.properties.iter().map(|(_, id)| *id);
    let lists = [&node.any_property, &node.prefix, &node.any_item].into_iter().flatten().copied();
    let single = [node.additional, node.items, node.names].into_iter().flatten();
    named.chain(lists).chain(single)
}

/// A value of a document: who looks at it, and the path that leads there.
struct Place {
    counts: Vec<(Id, u64)>,
    depth: usize,
    path: Rc<Path>,
}

/// A path, shared with those that go on from it.
struct Path(Option<(Rc<Path>, String)>);

impl Path {
    fn then(self: &Rc<Self>, segment: impl Into<String>) -> Rc<Self> {
        Rc::new(Self(Some((self.clone(), segment.into()))))
    }

    fn shown(&self) -> Shown {
        let mut segments = Vec::new();
        let mut at = self;
        while let Some((parent, segment)) = &at.0 {
            segments.push(segment.as_str());
            at = parent;
        }
        segments.reverse();
        Shown::new(&segments.iter().map(|segment| format!("/{segment}")).collect::<String>())
    }
}

struct Search<'a, 'g> {
    graph: &'g Graph<'a>,
    rank: Vec<usize>,
    by_rank: &'g [Id],
    seen: HashSet<Vec<(Id, u64)>>,
    todo: VecDeque<Place>,
    left: u64,
    dearest: Cost,
}

impl<'a, 'g> Search<'a, 'g> {
    fn new(graph: &'g Graph<'a>, order: &'g [Id]) -> Self {
        let mut rank = vec![0; graph.nodes.len()];
        for (position, id) in order.iter().enumerate() {
            if let Some(slot) = rank.get_mut(*id) {
                *slot = position;
            }
        }
        Self {
            graph,
            rank,
            by_rank: order,
            seen: HashSet::new(),
            todo: VecDeque::new(),
            left: limits::SEARCH,
            dearest: Cost::default(),
        }
    }

    fn run(mut self) -> Result<Cost, SchemaError> {
        self.visit(&Counts::from([(self.graph.root, 1)]), 0, Rc::new(Path(None)))?;
        // Breadth first: a place is met at its least depth, from which it reaches furthest.
        while let Some(place) = self.todo.pop_front() {
            if place.depth < limits::DOCUMENT_NESTING {
                self.properties(&place)?;
                self.items(&place)?;
                self.names(&place)?;
            }
        }
        Ok(self.dearest)
    }

    fn pay(&mut self, steps: usize) -> Result<(), SchemaError> {
        self.left = self.left.checked_sub(steps as u64).ok_or(SchemaError::Intricate)?;
        Ok(())
    }

    /// Adds up what `counts` hand the value on to, and notes the place if it is new.
    fn visit(&mut self, counts: &Counts, depth: usize, path: Rc<Path>) -> Result<(), SchemaError> {
        let graph = self.graph;
        let mut waiting: BTreeMap<usize, u64> = BTreeMap::new();
        for (id, count) in counts {
            *waiting.entry(self.rank.get(*id).copied().unwrap_or_default()).or_default() += count;
        }
        let mut settled = Vec::new();
        let mut cost = Cost::default();
        while let Some((rank, count)) = waiting.pop_first() {
            let Some(id) = self.by_rank.get(rank).copied() else { continue };
            let Some(node) = graph.nodes.get(id) else { continue };
            settled.push((id, count));
            cost.value = cost.value.saturating_add(count.saturating_mul(node.steps));
            cost.byte = cost.byte.saturating_add(count.saturating_mul(node.steps_per_byte));
            if cost.value > limits::STEPS {
                return Err(SchemaError::Work(path.shown()));
            }
            self.pay(1 + node.same.len())?;
            for target in &node.same {
                let sum = waiting.entry(self.rank.get(*target).copied().unwrap_or_default()).or_default();
                *sum = sum.saturating_add(count);
            }
        }
        self.dearest = Cost { value: self.dearest.value.max(cost.value), byte: self.dearest.byte.max(cost.byte) };
        if !settled.is_empty() && self.seen.insert(settled.clone()) {
            self.todo.push_back(Place { counts: settled, depth, path });
        }
        Ok(())
    }

    fn members(&self, place: &Place) -> Vec<(&'g Node<'a>, u64)> {
        let graph = self.graph;
        place.counts.iter().filter_map(|(id, count)| Some((graph.nodes.get(*id)?, *count))).collect()
    }

    fn properties(&mut self, place: &Place) -> Result<(), SchemaError> {
        // Who looks at a property that nobody names; and who joins or leaves for each name.
        let mut unnamed = Counts::new();
        let mut named: HashMap<&str, Vec<Change>> = HashMap::new();
        for (node, count) in self.members(place) {
            for id in node.any_property.iter().chain(&node.additional) {
                add(&mut unnamed, *id, count);
            }
            for (name, id) in &node.properties {
                named.entry(name).or_default().push((node.additional, *id, count));
            }
            self.pay(1 + node.properties.len() + node.any_property.len())?;
        }
        for (name, changes) in named {
            let mut counts = unnamed.clone();
            self.pay(counts.len() + changes.len())?;
            for (leaves, joins, count) in changes {
                add(&mut counts, joins, count);
                if let Some(slot) = leaves.and_then(|id| counts.get_mut(&id)) {
                    *slot = slot.saturating_sub(count);
                }
            }
            counts.retain(|_, count| *count > 0);
            self.visit(&counts, place.depth + 1, place.path.then(name))?;
        }
        self.visit(&unnamed, place.depth + 1, place.path.then("*"))
    }

    fn items(&mut self, place: &Place) -> Result<(), SchemaError> {
        let members = self.members(place);
        let longest = members.iter().map(|(node, _)| node.prefix.len()).max().unwrap_or_default();
        for index in 0..=longest {
            let mut counts = Counts::new();
            self.pay(members.len())?;
            for (node, count) in &members {
                for id in node.prefix.get(index).into_iter().chain(&node.any_item) {
                    add(&mut counts, *id, *count);
                }
                if let Some(id) = node.items.filter(|_| index >= node.prefix.len()) {
                    add(&mut counts, id, *count);
                }
            }
            self.visit(&counts, place.depth + 1, place.path.then(index.to_string()))?;
        }
        Ok(())
    }

    fn names(&mut self, place: &Place) -> Result<(), SchemaError> {
        let mut counts = Counts::new();
        for (node, count) in self.members(place) {
            if let Some(id) = node.names {
                add(&mut counts, id, count);
            }
        }
        self.visit(&counts, place.depth + 1, place.path.then("*"))
    }
}

fn add(counts: &mut Counts, id: Id, count: u64) {
    let sum = counts.entry(id).or_default();
    *sum = sum.saturating_add(count);
}
