//! A service's `$metadata`: entity types, their keys and properties, and the sets that hold them
//! (OData CSDL XML 4.01, <https://docs.oasis-open.org/odata/odata-csdl-xml/v4.01/>).

use std::collections::BTreeMap;

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use crate::SourceError;

/// Base types are followed this far; a type that is its own ancestor ends there.
const DEEPEST: usize = 16;

/// The model of a service.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// By qualified name: entity types and complex types.
    types: BTreeMap<String, Type>,
    enums: Vec<String>,
    /// Other names of namespaces: alias, namespace.
    aliases: Vec<(String, String)>,
    /// Set by name: the qualified name of its type.
    sets: BTreeMap<String, String>,
}

/// An entity type or a complex type.
#[derive(Debug, Default, Clone)]
pub(super) struct Type {
    base: Option<String>,
    pub(super) key: Vec<String>,
    pub(super) properties: Vec<Property>,
    pub(super) navigations: Vec<Navigation>,
}

/// One property.
#[derive(Debug, Clone)]
pub(super) struct Property {
    pub(super) name: String,
    /// Without `Collection(…)`.
    pub(super) kind: String,
    pub(super) is_collection: bool,
    pub(super) scale: Option<String>,
}

/// A way to other entities.
#[derive(Debug, Clone)]
pub(super) struct Navigation {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) is_collection: bool,
    /// Our property, the other type's.
    pub(super) constraints: Vec<(String, String)>,
}

impl Model {
    /// Reads the metadata document.
    pub(super) fn read(xml: &[u8]) -> Result<Self, SourceError> {
        let mut reader = Reader::from_reader(xml);
        let mut model = Self::default();
        let mut building = Building::default();
        let mut buffer = Vec::new();
        loop {
            let event = reader.read_event_into(&mut buffer).map_err(|_| unreadable())?;
            match event {
                Event::Start(element) => model.open(&element, &mut building, false)?,
                Event::Empty(element) => model.open(&element, &mut building, true)?,
                Event::End(element) => model.close(element.local_name().as_ref(), &mut building),
                Event::Eof => break,
                _ => {}
            }
            buffer.clear();
        }
        if model.sets.is_empty() {
            return Err(SourceError::invalid(
                "odata_metadata",
                "The service declares no entity sets.",
            ));
        }
        Ok(model)
    }

    fn open(
        &mut self,
        element: &BytesStart<'_>,
        building: &mut Building,
        is_empty: bool,
    ) -> Result<(), SourceError> {
        let attribute = |name: &str| attribute(element, name);
        match element.local_name().as_ref() {
            "Schema" => {
                building.namespace = attribute("Namespace")?.unwrap_or_default();
                if let Some(alias) = attribute("Alias")? {
                    self.aliases.push((alias, building.namespace.clone()));
                }
            }
            "EntityType" | "ComplexType" => {
                let name =
                    format!("{}.{}", building.namespace, attribute("Name")?.unwrap_or_default());
                let base = attribute("BaseType")?;
                building.of = Some((name, Type { base, ..Type::default() }));
                if is_empty {
                    self.close("EntityType", building);
                }
            }
            "EnumType" => {
                let name = attribute("Name")?.unwrap_or_default();
                self.enums.push(format!("{}.{name}", building.namespace));
            }
            "EntitySet" => {
                if let (Some(name), Some(kind)) = (attribute("Name")?, attribute("EntityType")?) {
                    self.sets.insert(name, kind);
                }
            }
            _ => building.member(element)?,
        }
        Ok(())
    }

    fn close(&mut self, name: &str, building: &mut Building) {
        if matches!(name, "EntityType" | "ComplexType")
            && let Some((name, built)) = building.of.take()
        {
            self.types.insert(name, built);
        }
    }

    /// The names of all sets.
    pub(super) fn sets(&self) -> impl Iterator<Item = &str> {
        self.sets.keys().map(String::as_str)
    }

    /// The type of a set's entities, with what it inherits.
    pub(super) fn entity(&self, set: &str) -> Option<Type> {
        self.of_name(self.sets.get(set)?)
    }

    /// The type of this name, with what it inherits; none for a primitive one.
    pub(super) fn of_name(&self, name: &str) -> Option<Type> {
        let mut whole = Type::default();
        let mut next = Some(self.qualified(name));
        for _ in 0..DEEPEST {
            let Some(found) = next.take().and_then(|name| self.types.get(&name)) else { break };
            whole.properties.splice(0..0, found.properties.iter().cloned());
            whole.navigations.splice(0..0, found.navigations.iter().cloned());
            if whole.key.is_empty() {
                whole.key.clone_from(&found.key);
            }
            next = found.base.as_deref().map(|base| self.qualified(base));
        }
        self.types.contains_key(&self.qualified(name)).then_some(whole)
    }

    /// Whether the type is a list of words.
    pub(super) fn is_enum(&self, name: &str) -> bool {
        self.enums.contains(&self.qualified(name))
    }

    /// The set that holds entities of this type, where it is the only one.
    pub(super) fn set_of(&self, kind: &str) -> Option<&str> {
        let kind = self.qualified(kind);
        let mut holding = self.sets.iter().filter(|(_, held)| self.qualified(held) == kind);
        match (holding.next(), holding.next()) {
            (Some((set, _)), None) => Some(set),
            _ => None,
        }
    }

    fn qualified(&self, name: &str) -> String {
        let alias = self.aliases.iter().find_map(|(alias, namespace)| {
            let rest = name.strip_prefix(alias.as_str())?.strip_prefix('.')?;
            (!rest.contains('.')).then(|| format!("{namespace}.{rest}"))
        });
        alias.unwrap_or_else(|| name.to_owned())
    }
}

/// What is open while the document is read.
#[derive(Default)]
struct Building {
    namespace: String,
    of: Option<(String, Type)>,
}

impl Building {
    fn member(&mut self, element: &BytesStart<'_>) -> Result<(), SourceError> {
        let Some((_, built)) = &mut self.of else { return Ok(()) };
        let attribute = |name: &str| attribute(element, name);
        match element.local_name().as_ref() {
            "PropertyRef" => built.key.extend(attribute("Name")?),
            "Property" => {
                if let (Some(name), Some(kind)) = (attribute("Name")?, attribute("Type")?) {
                    let (kind, is_collection) = single(kind);
                    let scale = attribute("Scale")?;
                    built.properties.push(Property { name, kind, is_collection, scale });
                }
            }
            "NavigationProperty" => {
                if let (Some(name), Some(kind)) = (attribute("Name")?, attribute("Type")?) {
                    let (kind, is_collection) = single(kind);
                    let constraints = Vec::new();
                    built.navigations.push(Navigation { name, kind, is_collection, constraints });
                }
            }
            "ReferentialConstraint" => {
                let pair = (attribute("Property")?, attribute("ReferencedProperty")?);
                if let (Some(navigation), (Some(own), Some(other))) =
                    (built.navigations.last_mut(), pair)
                {
                    navigation.constraints.push((own, other));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Result<Option<String>, SourceError> {
    let found = element.try_get_attribute(name).map_err(|_| unreadable())?;
    let Some(found) = found else { return Ok(None) };
    let text = quick_xml::escape::unescape(&found.value).map_err(|_| unreadable())?;
    Ok(Some(text.into_owned()))
}

fn single(kind: String) -> (String, bool) {
    match kind.strip_prefix("Collection(").and_then(|rest| rest.strip_suffix(')')) {
        Some(inner) => (inner.to_owned(), true),
        None => (kind, false),
    }
}

fn unreadable() -> SourceError {
    SourceError::invalid("odata_metadata", "The service's metadata cannot be read as CSDL XML.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_with_what_they_inherit() {
        let xml = br#"<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0"><edmx:DataServices>
          <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="A.B" Alias="X">
            <EnumType Name="Kind"><Member Name="one"/></EnumType>
            <EntityType Name="Root" Abstract="true"><Key><PropertyRef Name="Id"/></Key>
              <Property Name="Id" Type="Edm.Int32"/></EntityType>
            <EntityType Name="Order" BaseType="X.Root">
              <Property Name="Total" Type="Edm.Decimal" Scale="Variable"/>
              <Property Name="Tags" Type="Collection(Edm.String)"/>
              <NavigationProperty Name="Customer" Type="A.B.Customer">
                <ReferentialConstraint Property="CustomerId" ReferencedProperty="Id"/></NavigationProperty>
            </EntityType>
            <EntityType Name="Customer" BaseType="X.Customer"/>
            <EntityContainer Name="C"><EntitySet Name="Orders" EntityType="X.Order"/>
              <EntitySet Name="Customers" EntityType="A.B.Customer"/></EntityContainer>
          </Schema></edmx:DataServices></edmx:Edmx>"#;
        let model = Model::read(xml).unwrap();
        let order = model.entity("Orders").unwrap();
        assert_eq!(order.key, ["Id"]);
        let names: Vec<&str> =
            order.properties.iter().map(|property| property.name.as_str()).collect();
        assert_eq!(names, ["Id", "Total", "Tags"]);
        assert!(order.properties[2].is_collection);
        assert_eq!(order.navigations[0].constraints, [("CustomerId".to_owned(), "Id".to_owned())]);
        assert_eq!(model.set_of("A.B.Customer"), Some("Customers"));
        assert!(model.is_enum("X.Kind") && model.of_name("Edm.String").is_none());
        for bad in [
            "",
            "<a",
            "<html></html>",
            "<a><b></a>",
            "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><EntitySet Name='&e;' EntityType='x'/>",
        ] {
            assert!(Model::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
