//! A schema as a graph: which subschemas look at the same value, and which at the values inside it.
//!
//! Contract: an edge for every way in which the validator can come from one subschema to another, so that a bound
//! that holds on the graph holds for the validator. Where the two differ the graph has more. Price: a node per
//! reachable subschema, two where `unevaluated…` is used.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::SchemaError;
use super::pattern::{self, Patterns};
use super::scan::Document;

/// A node's index.
pub(super) type Id = usize;

/// All `true` and `false` schemas: they look at nothing.
const LEAF: Id = 0;

/// How one subschema hands a value on to another without going inside it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Via {
    Applicator,
    Reference,
}

/// A subschema.
#[derive(Default)]
pub(super) struct Node<'a> {
    /// Steps that its own keywords take on a value.
    pub(super) steps: u64,
    /// Steps that they take on each byte of a text or of a property's name.
    pub(super) steps_per_byte: u64,
    /// Those that look at the same value.
    pub(super) same: Vec<Id>,
    /// Those that look at the property of a name.
    pub(super) properties: Vec<(&'a str, Id)>,
    /// The one that looks at all other properties.
    pub(super) additional: Option<Id>,
    /// Those that may look at any property, named or not.
    pub(super) any_property: Vec<Id>,
    /// Those that look at the first items, one each.
    pub(super) prefix: Vec<Id>,
    /// The one that looks at the items after these.
    pub(super) items: Option<Id>,
    /// Those that may look at any item.
    pub(super) any_item: Vec<Id>,
    /// The one that looks at the names of properties.
    pub(super) names: Option<Id>,
    via: Vec<(Id, Via)>,
    unevaluated_property: Option<Id>,
    unevaluated_item: Option<Id>,
    contains: Option<Id>,
}

/// All subschemas that the root can reach.
pub(super) struct Graph<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) root: Id,
    /// Can an error hold others, one for each alternative?
    pub(super) alternatives: bool,
}

impl<'a> Graph<'a> {
    pub(super) fn of(document: &Document<'a>, patterns: &mut Patterns) -> Result<Self, SchemaError> {
        let mut builder = Builder {
            document,
            patterns,
            ids: HashMap::new(),
            nodes: vec![Node { steps: 1, ..Node::default() }],
            todo: Vec::new(),
            alternatives: false,
        };
        let root = builder.id(document.root());
        while let Some((id, map)) = builder.todo.pop() {
            let node = builder.node(map)?;
            if let Some(slot) = builder.nodes.get_mut(id) {
                *slot = node;
            }
        }
        let (mut nodes, alternatives) = (builder.nodes, builder.alternatives);
        mark(&mut nodes);
        Ok(Self { nodes, root, alternatives })
    }
}

struct Builder<'a, 'b> {
    document: &'b Document<'a>,
    patterns: &'b mut Patterns,
    ids: HashMap<usize, Id>,
    nodes: Vec<Node<'a>>,
    todo: Vec<(Id, &'a Map<String, Value>)>,
    alternatives: bool,
}

impl<'a> Builder<'a, '_> {
    /// The node of `value`, which is told from equal ones by where it lies.
    fn id(&mut self, value: &'a Value) -> Id {
        // What is no schema at all is for the meta-schema to refuse.
        let Value::Object(map) = value else { return LEAF };
        let next = self.nodes.len();
        let id = *self.ids.entry(std::ptr::from_ref(value) as usize).or_insert(next);
        if id == next {
            self.nodes.push(Node::default());
            self.todo.push((id, map));
        }
        id
    }

    fn each(&mut self, values: impl IntoIterator<Item = &'a Value>) -> Vec<Id> {
        values.into_iter().map(|value| self.id(value)).collect()
    }

    fn node(&mut self, map: &'a Map<String, Value>) -> Result<Node<'a>, SchemaError> {
        let mut node = Node { steps: 1, ..Node::default() };
        for (keyword, value) in map {
            self.keyword(&mut node, keyword, value)?;
        }
        node.same = node.via.iter().map(|(id, _)| *id).collect();
        Ok(node)
    }

    fn keyword(&mut self, node: &mut Node<'a>, keyword: &str, value: &'a Value) -> Result<(), SchemaError> {
        let members = value.as_object().into_iter().flatten();
        let elements = value.as_array().into_iter().flatten();
        match keyword {
            "$ref" | "$dynamicRef" => {
                if let Some(reference) = value.as_str() {
                    let target = self.document.resolve(reference)?;
                    node.via.push((self.id(target), Via::Reference));
                }
            }
            "allOf" | "anyOf" | "oneOf" => {
                self.alternatives |= keyword != "allOf";
                let ids = self.each(elements);
                node.via.extend(ids.into_iter().map(|id| (id, Via::Applicator)));
            }
            "not" | "if" | "then" | "else" => node.via.push((self.id(value), Via::Applicator)),
            "dependentSchemas" | "dependencies" => {
                node.steps += size(value);
                let ids = self.each(members.map(|(_, value)| value));
                node.via.extend(ids.into_iter().map(|id| (id, Via::Applicator)));
            }
            "properties" => {
                node.properties = members.map(|(name, value)| (name.as_str(), self.id(value))).collect();
                // Each name is looked for in every object, also in an empty one.
                node.steps += node.properties.len() as u64;
            }
            "patternProperties" => {
                for (text, value) in members {
                    node.steps_per_byte += pattern::steps_per_byte(self.patterns.add(text)?);
                    node.any_property.push(self.id(value));
                }
            }
            "additionalProperties" => node.additional = Some(self.id(value)),
            "propertyNames" => node.names = Some(self.id(value)),
            "prefixItems" => node.prefix = self.each(elements),
            "items" => node.items = Some(self.id(value)),
            "additionalItems" => node.any_item.push(self.id(value)),
            "contains" => {
                node.contains = Some(self.id(value));
                node.any_item.extend(node.contains);
            }
            "unevaluatedProperties" => {
                node.unevaluated_property = Some(self.id(value));
                node.any_property.extend(node.unevaluated_property);
            }
            "unevaluatedItems" => {
                node.unevaluated_item = Some(self.id(value));
                node.any_item.extend(node.unevaluated_item);
            }
            "pattern" => {
                if let Some(text) = value.as_str() {
                    node.steps_per_byte += pattern::steps_per_byte(self.patterns.add(text)?);
                }
            }
            // Characters are counted, not bytes.
            "minLength" | "maxLength" => node.steps_per_byte += 1,
            "enum" | "const" | "required" | "dependentRequired" => node.steps += size(value),
            _ => {}
        }
        Ok(())
    }
}

/// How many values `value` holds, itself included.
fn size(value: &Value) -> u64 {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(map) => map.values().map(size).sum(),
        _ => 0,
    }
}

/// Adds what `unevaluatedProperties` and `unevaluatedItems` cost besides their own subschema: to learn what was
/// evaluated, every subschema that looks at the same value is asked again, and in turn those within it. So each
/// node gets a second one, for being asked.
fn mark(nodes: &mut Vec<Node<'_>>) {
    let evaluates = |node: &Node<'_>| node.unevaluated_property.or(node.unevaluated_item).is_some();
    if !nodes.iter().any(evaluates) {
        return;
    }
    let count = nodes.len();
    let marking: Vec<_> = nodes
        .iter()
        .map(|node| Node {
            steps: node.steps,
            steps_per_byte: node.steps_per_byte,
            same: node
                .via
                .iter()
                .flat_map(|(id, via)| [Some(count + id), (*via == Via::Applicator).then_some(*id)])
                .flatten()
                .collect(),
            any_property: node.unevaluated_property.into_iter().collect(),
            any_item: node.unevaluated_item.into_iter().chain(node.contains).collect(),
            ..Node::default()
        })
        .collect();
    for (id, node) in nodes.iter_mut().enumerate() {
        if evaluates(node) {
            node.same.push(count + id);
        }
    }
    nodes.extend(marking);
}
